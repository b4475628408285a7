"""The part of FHIRPath that search parameters and patches use: text to a tree, and a tree to places.

https://hl7.org/fhirpath/N1/, https://hl7.org/fhir/R4/fhirpath.html
"""
