"""Galenic: a FHIR-native pharmacy interoperability server."""
