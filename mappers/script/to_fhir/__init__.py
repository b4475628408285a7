"""SCRIPT messages as FHIR; a file holds a concept, and its namesake in from_fhir the way back."""
