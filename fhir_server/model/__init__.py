"""The R4 model: JSON as it was written, the official definitions, FHIRPath, patches."""
