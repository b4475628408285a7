"""The people of the demo, one of each role that meets patients; their passwords are made at the first start."""

import json
import os
from pathlib import Path
from typing import Final

from fhir_server.cli.terminal import complain, say
from fhir_server.cli.user import administration
from fhir_server.errors import NotFound
from fhir_server.identity import people
from fhir_server.identity.passwords import generated
from fhir_server.identity.people import NewPerson
from fhir_server.identity.transactions import Transaction
from fhir_server.settings import Settings

FILE: Final = "demo-people.json"

PEOPLE: Final = (
    NewPerson("demo-patient", "Amara Fenwick", "patient", "Patient/demo-patient-1"),
    NewPerson("demo-caregiver", "Sunniva Hartog", "caregiver", "Patient/demo-patient-3", ("demo-patient-6",)),
    NewPerson("demo-prescriber", "Dr. Ines Okonjo", "prescriber", "Practitioner/demo-practitioner-1"),
    NewPerson("demo-pharmacist", "Mara Castellano", "pharmacist", "Practitioner/demo-practitioner-3"),
    NewPerson("demo-technician", "Noa Petrov", "technician", "Practitioner/demo-practitioner-4"),
)


def prepare(settings: Settings, app_url: str) -> None:
    """Adds who is not there yet; to be called when the demo's resources are loaded, for people are linked to them."""
    file = settings.data_dir / FILE
    known = _passwords(file)
    with administration(settings, app_url) as office:
        with office.transactions.begin() as transaction:
            missing = [new for new in PEOPLE if people.with_login(transaction, new.login) is None]
        fresh = {new.login: generated() for new in missing}
        if fresh:
            _keep(file, known | fresh)
        for new in missing:
            try:
                office.add(new, fresh[new.login])
            except NotFound as error:
                complain(f"{new.login} was not added: {error.message}")


def present(transaction: Transaction) -> list[str]:
    """Logins of the demo that are in this database, and not disabled."""
    found = (people.with_login(transaction, new.login) for new in PEOPLE)
    return [person.login for person in found if person is not None and not person.disabled]


def greet(settings: Settings) -> None:
    """Who they are, with the passwords they were given at the first start."""
    known = _passwords(settings.data_dir / FILE)
    for new in PEOPLE:
        say(f"  {new.role:<17} {new.login}, password {known.get(new.login, 'unknown: galenic user reset')}")


def _passwords(file: Path) -> dict[str, str]:
    return dict(json.loads(file.read_text())) if file.exists() else {}


def _keep(file: Path, passwords: dict[str, str]) -> None:
    """Readable by its owner only, from its first byte on."""
    file.unlink(missing_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as opened:
        json.dump(passwords, opened, indent=1)
