"""SCRIPT that we send, and schemas that it is judged by."""

from pathlib import Path

from fhir_server.exchange.schemas import Schemas

SCHEMA = """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">
<xs:include schemaLocation="parts.xsd"/>
<xs:element name="Message"><xs:complexType><xs:sequence>
<xs:element name="Header" type="Anything"/>
<xs:element name="Body"><xs:complexType><xs:sequence>
<xs:element name="RxRenewalRequest"><xs:complexType><xs:sequence>
<xs:element name="Patient" type="Anything"/><xs:element name="Pharmacy" type="Anything"/>
<xs:element name="Prescriber" type="Anything"/>
<xs:element name="MedicationDispensed" type="Anything"/><xs:element name="Needed" minOccurs="{needed}"/>
</xs:sequence></xs:complexType></xs:element>
</xs:sequence></xs:complexType></xs:element>
</xs:sequence><xs:anyAttribute processContents="skip"/></xs:complexType></xs:element></xs:schema>"""
PARTS = """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:complexType name="Anything"><xs:sequence>
<xs:any minOccurs="0" maxOccurs="unbounded" processContents="skip"/></xs:sequence></xs:complexType></xs:schema>"""
"""Schemas of our own: NCPDP's are for its members."""


def a_renewal_request(to: str = "1400010", version: str = "2017071", quantity: str = "30") -> bytes:
    return f"""<Message version="{version}"><Header><To Qualifier="P">{to}</To><From Qualifier="P">7654321</From>
<MessageID>OUT-1</MessageID><SentTime>2026-03-02T15:04:05Z</SentTime><PrescriberOrderNumber>N1</PrescriberOrderNumber>
</Header><Body><RxRenewalRequest><Patient><HumanPatient><Name><LastName>Okafor</LastName><FirstName>Ngozi</FirstName>
</Name><Gender>F</Gender><DateOfBirth><Date>2011-03-09</Date></DateOfBirth></HumanPatient></Patient>
<Pharmacy><BusinessName>Corner Pharmacy</BusinessName></Pharmacy>
<Prescriber><NonVeterinarian><Identification><NPI>1999999984</NPI></Identification><Name><LastName>Lindqvist</LastName>
</Name></NonVeterinarian></Prescriber><MedicationDispensed><DrugDescription>Amoxicillin 250 MG</DrugDescription>
<Quantity><Value>{quantity}</Value><CodeListQualifier>38</CodeListQualifier></Quantity><Sig><SigText>Chew</SigText></Sig>
</MedicationDispensed></RxRenewalRequest></Body></Message>""".encode()


def schemas(folder: Path, *, needed: int = 0, version: str = "2017071") -> Schemas:
    below = folder / version
    below.mkdir()
    (below / "transport.xsd").write_text(SCHEMA.format(needed=needed))
    (below / "parts.xsd").write_text(PARTS)
    return Schemas(folder)
