"""NCPDP SCRIPT (https://standards.ncpdp.org): prescriptions between prescribers and pharmacies, to and from FHIR."""
