"""National Drug Codes. https://www.fda.gov/drugs/drug-approvals-and-databases/national-drug-code-directory."""
