"""The code systems and naming systems of the invented store."""

BENCH = "https://bench.example/id"
MRN, INSURANCE, PRESCRIPTION, FILL, NPI, NDC, TASK, VISIT = (
    f"{BENCH}/{kind}" for kind in ("mrn", "insurance", "prescription", "fill", "npi", "ndc", "task", "visit")
)
HL7 = "http://terminology.hl7.org/CodeSystem"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
SNOMED = "http://snomed.info/sct"
LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"
US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition"
