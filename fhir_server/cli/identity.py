"""What commands about clients and keys have in common: a transaction of the database that is meant, and a record."""

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import uuid4

from pydantic import SecretStr

from fhir_server.audit import statements as audit
from fhir_server.audit.interactions import ACCESS_CONTROL
from fhir_server.audit.record import Record
from fhir_server.auth.access import TREATMENT
from fhir_server.auth.context import Context
from fhir_server.cli.database import CommandFailed, database, keys
from fhir_server.errors import GalenicError
from fhir_server.identity.oauth.server import Deployment
from fhir_server.identity.transactions import Transaction, Transactions
from fhir_server.settings import Settings
from fhir_server.wiring import build_deployment

COMMAND_LINE = "galenic-cli"
"""The client of its audit records."""


@dataclass(frozen=True, slots=True)
class Desk:
    """Where an operator works: everything done here commits together, or not at all."""

    transaction: Transaction
    deployment: Deployment

    def record(self, what: str) -> None:
        """A change of access, by who is logged in at the machine."""
        who = Context(f"operator/{operator()}", COMMAND_LINE, TREATMENT, str(uuid4()))
        self.transaction.execute(audit.INSERT, audit.parameters(Record(who, ACCESS_CONTROL, 200, detail=what)))


@contextmanager
def desk(settings: Settings) -> Iterator[Desk]:
    """On the database that is set, the embedded one that runs, or that one started for the command."""
    with database(settings) as urls, desk_at(settings, urls.app_url) as made:
        yield made


@contextmanager
def desk_at(settings: Settings, app_url: str) -> Iterator[Desk]:
    """On the database of a URL; what goes wrong is a sentence."""
    secret = {"index_key": SecretStr(keys(settings).index_key), "database_url": SecretStr(app_url)}
    deployment, transactions = build_deployment(settings.model_copy(update=secret)), Transactions(app_url, 1)
    transactions.open()
    try:
        with transactions.begin() as transaction:
            yield Desk(transaction, deployment)
    except GalenicError as error:
        raise CommandFailed(error.message) from error
    finally:
        transactions.close()


def operator() -> str:
    """The login name at this machine; a container may have none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
