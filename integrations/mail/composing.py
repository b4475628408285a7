"""What a person is written: that there is something new, and where to ask what it is. Nothing of a patient. Pure.

https://hl7.org/fhir/R4/subscription.html#email
"""

from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Final

from integrations.channel import Outgoing
from integrations.mail.server import domain_of

MESSAGE_ID: Final = "Galenic-Message-Id"
"""The header with the message's id, which is the same in every attempt."""

ATTACHMENT: Final = "notification.json"

ASKED_SUBJECT: Final = "You will be written to when there is something new"
ASKED: Final = """\
Somebody has asked that this address is written to when there is something new for a subscription. Nothing has happened
yet: this first message is to see whether mail arrives.

The subscription: {url}
"""

NEW_SUBJECT: Final = "There is something new for your subscription"
NEW: Final = """\
There is something new for your subscription. Mail is not confidential, and says no more.

What it is you can ask with your own access: {url}/$events
"""

ENDING: Final = """
To end these messages, set the status of the subscription to off, or delete it. If it is not yours, tell {sender}.
"""


def composed(outgoing: Outgoing, url: str, sender: str, address: str, now: datetime) -> EmailMessage:
    """`url` is the Subscription's; the words are always the same. What is attached has the type that was asked for."""
    subject, text = (ASKED_SUBJECT, ASKED) if outgoing.kind == "handshake" else (NEW_SUBJECT, NEW)
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = address
    message["Subject"] = subject
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<{outgoing.message_id}@{domain_of(sender)}>"
    message[MESSAGE_ID] = outgoing.message_id
    message["Auto-Submitted"] = "auto-generated"  # https://www.rfc-editor.org/rfc/rfc3834#section-5
    message.set_content((text + ENDING).format(url=url, sender=sender))
    if outgoing.body:
        _attach(message, outgoing)
    return message


def _attach(message: EmailMessage, outgoing: Outgoing) -> None:
    typed = EmailMessage()
    typed["Content-Type"] = outgoing.content_type
    maintype, _, subtype = typed.get_content_type().partition("/")
    params = dict(typed["Content-Type"].params)
    message.add_attachment(outgoing.body, maintype=maintype, subtype=subtype, filename=ATTACHMENT, params=params)
