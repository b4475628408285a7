"""Which channels there are, by the settings."""

import pytest
from pydantic import ValidationError

from fhir_server.settings import Settings
from fhir_server.wiring import offer

SMTP_URL = "smtp://galenic:canary@post.example"
SENDER = "pharmacy@galenic.example"


def test_notifications_go_by_mail_where_there_is_a_mail_server():
    assert offer(Settings()).channels == {"rest-hook", "websocket"}
    assert offer(Settings(smtp_url=SMTP_URL, mail_from=SENDER)).channels == {"rest-hook", "websocket", "email"}


@pytest.mark.parametrize(
    "settings",
    [
        {"smtp_url": SMTP_URL},
        {"mail_from": SENDER},
        {"smtp_url": "https://galenic:canary@post.example", "mail_from": SENDER},
        {"smtp_url": "canary", "mail_from": SENDER},
        {"smtp_url": SMTP_URL, "mail_from": f"Galenic <{SENDER}>"},
        {"smtp_url": SMTP_URL, "mail_from": f"{SENDER}\nBcc: a@b.example"},
        {"smtp_url": SMTP_URL, "mail_from": SENDER, "mail_pause_seconds": 0.5},
    ],
)
def test_a_mail_server_that_could_not_be_used_is_no_setting(settings):
    with pytest.raises(ValidationError) as refused:
        Settings(**settings)
    assert "canary" not in str(refused.value.errors(include_url=False, include_input=False))
