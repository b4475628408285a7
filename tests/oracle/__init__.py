"""An independent evaluator of R4 search: brute force over plain JSON, by the specification's text alone.

It knows nothing of the product, and the product nothing of it: what both say of a query is compared.
https://hl7.org/fhir/R4/search.html
"""
