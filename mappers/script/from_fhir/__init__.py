"""FHIR as SCRIPT messages; a file holds a concept, and its namesake in to_fhir the way there."""
