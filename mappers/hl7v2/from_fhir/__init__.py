"""FHIR to HL7 v2: a file for each concept, by the names they have in to_fhir."""
