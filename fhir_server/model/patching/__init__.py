"""The three forms of patch, as pure functions from resource and patch to resource.

https://hl7.org/fhir/R4/http.html#patch
"""
