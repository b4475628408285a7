"""The database a command works on: the one that is set, the one that runs, or one started for the command."""

import hashlib
import hmac
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

from pydantic import SecretStr

from fhir_server.embedded.place import EmbeddedError, place_of
from fhir_server.embedded.postgres import EmbeddedPostgres
from fhir_server.embedded.secrets import secrets_of
from fhir_server.embedded.valkey import EmbeddedValkey
from fhir_server.settings import Settings


class CommandFailed(Exception):
    """The command cannot do what it was asked; the message says why and what to do."""


class Database(NamedTuple):
    """`app_url` logs in as galenic_app; `owner_url` as a role that may create roles and tables."""

    app_url: str
    owner_url: str


@dataclass(frozen=True, slots=True, repr=False)
class Keys:
    """32 bytes in hex each."""

    index_key: str
    cursor_key: str


@contextmanager
def database(settings: Settings, *, migrated: bool = True) -> Iterator[Database]:
    """The URLs, for as long as the block runs.

    With `migrated`, an embedded server that was not running is brought to head first; an external one never.
    """
    if settings.database_url is not None:
        yield external(settings.database_url, settings.database_owner_url)
        return
    postgres = EmbeddedPostgres(settings.data_dir)
    if postgres.is_held():
        yield Database(postgres.app_url, postgres.superuser_url)
        return
    postgres.start()
    try:
        if migrated:
            migrate(postgres)
        yield Database(postgres.app_url, postgres.superuser_url)
    finally:
        postgres.stop()


@contextmanager
def redis(settings: Settings) -> Iterator[str]:
    """The URL: of the Redis that is set, the embedded Valkey that runs, or one started while the block runs."""
    if settings.redis_url is not None:
        yield settings.redis_url.get_secret_value()
        return
    valkey = EmbeddedValkey(settings.data_dir)
    if valkey.is_held():
        yield valkey.url
        return
    valkey.start()
    try:
        yield valkey.url
    finally:
        valkey.stop()


@contextmanager
def plainly() -> Iterator[None]:
    """Turns what migrating may raise into a sentence."""
    from sqlalchemy.exc import DBAPIError

    from fhir_server.storage.migrations import MigrationError

    try:
        yield
    except MigrationError as error:
        raise CommandFailed(str(error)) from error
    except DBAPIError as error:
        raise CommandFailed(f"The database refused: {error.orig}") from error


def external(app: SecretStr, owner: SecretStr | None) -> Database:
    return Database(app.get_secret_value(), (owner or app).get_secret_value())


def migrate(postgres: EmbeddedPostgres) -> list[str]:
    """Brings the embedded database to head and lets its roles log in; returns the revisions applied."""
    from fhir_server.storage.migrations import upgrade

    with plainly():
        applied = upgrade(postgres.superuser_url)
    postgres.set_role_passwords()
    return applied


def let_roles_log_in(settings: Settings) -> None:
    """Gives the roles of the embedded database their passwords; an external one's are its operator's."""
    if settings.database_url is None:
        EmbeddedPostgres(settings.data_dir).set_role_passwords()


def keys(settings: Settings) -> Keys:
    """The keys of this installation: set, or those of the data folder.

    Without GALENIC_CURSOR_KEY, an external installation's is derived from its index key: all hosts agree.
    """
    if settings.index_key is None and settings.database_url is not None:
        raise EmbeddedError("GALENIC_DATABASE_URL needs GALENIC_INDEX_KEY: 32 bytes in hex, the same on every host")
    if settings.index_key is None:
        made = secrets_of(place_of(settings.data_dir).data_dir)
        index_key, cursor_key = made.index_key, made.cursor_key
    else:
        index_key = settings.index_key.get_secret_value()
        cursor_key = hmac.new(index_key.encode(), b"cursor", hashlib.sha256).hexdigest()
    if settings.cursor_key is not None:
        cursor_key = settings.cursor_key.get_secret_value()
    return Keys(index_key, cursor_key)


def complete(settings: Settings, urls: Database) -> Settings:
    """The settings with what was found: where the database is, and the keys of this installation."""
    made = keys(settings)
    found = {"database_url": urls.app_url, "index_key": made.index_key, "cursor_key": made.cursor_key}
    return settings.model_copy(update={name: SecretStr(value) for name, value in found.items()})
