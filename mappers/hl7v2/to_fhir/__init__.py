"""HL7 v2 to FHIR: a file for each concept, `convert.to_fhir` for all of them."""
