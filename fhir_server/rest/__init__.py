"""The FHIR REST API: one file per interaction, one table of routes. https://hl7.org/fhir/R4/http.html."""
