"""Messages of invented people, by what matters to a test."""

from mappers.script.message import Message, read

PATIENT = """<Patient><HumanPatient><Name><LastName>Okafor</LastName><FirstName>Ngozi</FirstName></Name>
<Gender>F</Gender><DateOfBirth><Date>2011-03-09</Date></DateOfBirth></HumanPatient></Patient>"""
PRESCRIBER = """<Prescriber><NonVeterinarian><Identification><NPI>1999999984</NPI></Identification>
<Name><LastName>Lindqvist</LastName></Name></NonVeterinarian></Prescriber>"""
DRUG = "<DrugDescription>Amoxicillin 250 MG Chewable Tablet</DrugDescription>"
QUANTITY = "<Quantity><Value>20</Value><CodeListQualifier>38</CodeListQualifier></Quantity>"
SIG = "<Sig><SigText>Chew 1 tablet twice daily</SigText></Sig>"


def a_message(kind: str, body: str, *, header: str = "", attributes: str = 'version="2017071"') -> bytes:
    """A message from a prescriber to a pharmacy."""
    return (
        f'<Message {attributes}><Header><To Qualifier="P">1400010</To><From Qualifier="D">6100000000001</From>'
        f"<MessageID>M-1</MessageID><SentTime>2026-03-02T15:04:05Z</SentTime>{header}</Header>"
        f"<Body><{kind}>{body}</{kind}></Body></Message>"
    ).encode()


def a_new_rx(medication: str = "", *, sig: str = SIG, quantity: str = QUANTITY, around: str = "", **more: str) -> bytes:
    """A NewRx with what is always needed, and what is given more of its medication."""
    prescribed = f"<MedicationPrescribed>{DRUG}{quantity}{medication}{sig}</MedicationPrescribed>"
    return a_message("NewRx", f"{PATIENT}{PRESCRIBER}{prescribed}{around}", **more)


def the_new_rx(medication: str = "", **more: str) -> Message:
    return read(a_new_rx(medication, **more))
