"""HL7 v2 (2.1 to 2.8) to FHIR R4 and back. Pure. https://www.hl7.org/implement/standards/product_section.cfm?section=13."""
