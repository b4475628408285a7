"""Other standards to FHIR and back, as pure functions: `hl7v2/` and `script/`."""
