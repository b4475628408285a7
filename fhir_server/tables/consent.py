"""What patients' Consents say, as rules: search/consent.py."""

from sqlalchemy import BigInteger, Boolean, Column, Index, SmallInteger, Table, Text
from sqlalchemy.dialects.postgresql import ARRAY

from fhir_server.tables.columns import INSTANT, code, metadata

consent_rule = Table(
    "consent_rule",
    metadata,
    Column("rid", BigInteger, nullable=False),  # of the Consent
    code("patient"),  # the compartment: Patient/1
    Column("permits", Boolean, nullable=False),
    Column("path", ARRAY(SmallInteger), nullable=False),
    Column("actors", ARRAY(Text(collation="C"))),  # null, here and below: any
    Column("purposes", ARRAY(Text(collation="C"))),
    Column("types", ARRAY(SmallInteger)),
    Column("labels", ARRAY(Text(collation="C"))),
    Column("low", INSTANT, nullable=False),
    Column("high", INSTANT, nullable=False),
    Index("consent_rule_patient_idx", "patient"),  # whoever reads a patient's data asks by it
    Index("consent_rule_rid_idx", "rid"),
)
