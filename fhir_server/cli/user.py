"""`galenic user`: people who log in. Each change is in the audit trail, with who is logged in at the machine."""

import argparse
import getpass
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import SecretStr

from fhir_server.cli.database import CommandFailed, database, keys
from fhir_server.cli.identity import COMMAND_LINE, operator
from fhir_server.cli.terminal import say
from fhir_server.errors import GalenicError
from fhir_server.identity.administration import Administration
from fhir_server.identity.passwords import CHARACTERS_MAX, generated
from fhir_server.identity.people import NewPerson, People
from fhir_server.identity.transactions import Transactions
from fhir_server.settings import Settings
from fhir_server.wiring import build_entrance


def run(settings: Settings, chosen: argparse.Namespace) -> int:
    actions = {
        "add": _add,
        "list": _list,
        "reset": _reset,
        "disable": lambda office, chosen: [f"{office.disable(chosen.login).login} is out, everywhere"],
        "enable": lambda office, chosen: [f"{office.disable(chosen.login, disabled=False).login} may log in again"],
        "unlock": lambda office, chosen: [f"{office.unlock(chosen.login).login} may try again"],
        "link": _link,
    }
    with database(settings) as urls, administration(settings, urls.app_url) as office:
        for line in actions[chosen.action](office, chosen):
            say(line)
    return 0


@contextmanager
def administration(settings: Settings, app_url: str) -> Iterator[Administration]:
    """On the database of a URL; what goes wrong is a sentence."""
    known = {"index_key": SecretStr(keys(settings).index_key), "database_url": SecretStr(app_url)}
    transactions = Transactions(app_url, 1)
    transactions.open()
    entrance = build_entrance(settings.model_copy(update=known), transactions)
    try:
        yield Administration(
            transactions,
            entrance.passwords,
            entrance.second_factors,
            entrance.lockout,
            f"operator/{operator()}",
            COMMAND_LINE,
        )
    except GalenicError as error:
        raise CommandFailed(error.message) from error
    finally:
        transactions.close()


def _add(office: Administration, chosen: argparse.Namespace) -> list[str]:
    new = NewPerson(chosen.login, chosen.name, chosen.role, chosen.fhir_user, tuple(chosen.patient))
    password = None if chosen.no_password else _password(generate=chosen.generate)
    person = office.add(new, password)
    told = [f"{person.login} may log in as {person.role}"]
    if person.needs_second_factor:
        told.append("The first login begins with setting up a second factor")
    return [*told, *_printed(password, printed=chosen.generate)]


def _reset(office: Administration, chosen: argparse.Namespace) -> list[str]:
    password = None if chosen.keep_password else _password(generate=chosen.generate)
    person = office.reset(chosen.login, password)
    return [f"{person.login} was logged out everywhere", *_printed(password, printed=chosen.generate)]


def _list(office: Administration, _chosen: argparse.Namespace) -> list[str]:
    return [
        f"{person.login}  {person.role}  {person.fhir_user}  {'disabled' if person.disabled else 'active'}  "
        f"{person.display_name!r}  {' '.join(person.patients)}".rstrip()
        for person in People(office.transactions).everyone()
    ]


def _link(office: Administration, chosen: argparse.Namespace) -> list[str]:
    person = office.link(chosen.login, chosen.issuer, chosen.subject)
    return [f"{person.login} may log in at {chosen.issuer}"]


def _password(*, generate: bool) -> str:
    """Typed twice at a terminal, else one line of what is piped in."""
    if generate:
        return generated()
    if not sys.stdin.isatty():
        return sys.stdin.readline(CHARACTERS_MAX + 2).rstrip("\r\n")
    password = getpass.getpass("Password: ")
    if getpass.getpass("Again: ") != password:
        raise CommandFailed("The two are not the same")
    return password


def _printed(password: str | None, *, printed: bool) -> list[str]:
    return [f"password: {password}", "This is the only time that it is shown."] if password and printed else []
