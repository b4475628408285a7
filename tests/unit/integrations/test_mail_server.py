"""Where mail is handed in."""

import pytest

from integrations.mail.server import MailServer, mail_server


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://post.example", MailServer("post.example", 587, is_tls=False)),
        ("smtps://post.example", MailServer("post.example", 465, is_tls=True)),
        ("smtp://post.example:2525/", MailServer("post.example", 2525, is_tls=False)),
        (
            "smtps://us%40post.example:p%40ss%3Aw%2Frd@post.example:465",
            MailServer("post.example", 465, is_tls=True, user="us@post.example", password="p@ss:w/rd"),
        ),
    ],
)
def test_a_mail_server_is_read_from_its_url(url, expected):
    assert mail_server(url) == expected


@pytest.mark.parametrize(
    "url",
    [
        "post.example",
        "http://canary:canary@post.example",
        "smtp://",
        "smtp://canary:canary@/",
        "smtp://post.example:canary",
        "smtp://post.example:99999",
        "smtp://[canary",
        "smtp://post.example/canary",
        "smtp://post.example?starttls=canary",
    ],
)
def test_a_url_that_is_no_mail_servers_is_refused_and_not_repeated(url):
    with pytest.raises(ValueError, match="it is") as caught:
        mail_server(url)
    assert "canary" not in str(caught.value)
