"""`galenic`: the command line. Each verb is a module of its own, imported when it is asked for."""

import argparse
import importlib
import importlib.metadata
import sys
from pathlib import Path

from pydantic import ValidationError

from fhir_server.cli.database import CommandFailed
from fhir_server.cli.terminal import complain, say
from fhir_server.embedded.place import EmbeddedError
from fhir_server.settings import Settings
from fhir_server.telemetry import TelemetryMissing

SETTINGS_NOTE = "Every setting is an environment variable GALENIC_*; docs/settings.md lists them all."


MODULES = frozenset(
    "audit client keys user partner messages subscriptions jobs worker map listen".split(),
)
"""Verbs whose module has `run(settings, chosen)`."""


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit code: 0 done, 1 failed (the reason is on stderr), 2 called wrongly."""
    chosen = parser().parse_args(arguments)
    try:
        return _run(chosen, Settings())
    except ValidationError as error:
        for problem in error.errors(include_url=False, include_input=False):  # an input may be a secret
            name = "_".join(str(part) for part in problem["loc"]).upper()
            complain(f"GALENIC_{name}: {problem['msg']}")
        return 1
    except (EmbeddedError, CommandFailed, TelemetryMissing) as error:
        complain(str(error))
        return 1


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="galenic", description="A FHIR R4 pharmacy server.", epilog=SETTINGS_NOTE)
    top.add_argument("--version", action="version", version=f"galenic {importlib.metadata.version('galenic')}")
    verbs = top.add_subparsers(dest="verb", required=True, metavar="VERB")
    verbs.add_parser(
        "serve",
        help="run the server until Ctrl-C",
        description=(
            "Starts the embedded PostgreSQL and Valkey in GALENIC_DATA_DIR (unless GALENIC_DATABASE_URL and "
            "GALENIC_REDIS_URL are set), migrates, and serves FHIR on GALENIC_HOST:GALENIC_PORT until Ctrl-C "
            "or SIGTERM."
        ),
        epilog=SETTINGS_NOTE,
    )
    _add_db(verbs)
    _add_audit(verbs)
    _add_clients(verbs)
    _add_users(verbs)
    _add_exchange(verbs)
    _add_subscriptions(verbs)
    _add_jobs(verbs)
    load = verbs.add_parser(
        "load",
        help="load resources from files",
        description=(
            "Loads NDJSON files and Bundles, also as .gz, .bz2 or .xz and in .tar of them, through the same "
            "validation as the API; reports what was refused and why. The server may run meanwhile."
        ),
        epilog=SETTINGS_NOTE,
    )
    load.add_argument("files", metavar="FILE", nargs="+", type=Path, help="file to load")
    verbs.add_parser(
        "doctor",
        help="check settings, versions and the database",
        description="Says of each part if it is OK, and how to mend it if not. Exit code 1 if one is WRONG.",
        epilog=SETTINGS_NOTE,
    )
    return top


def _add_db(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    db = verbs.add_parser("db", help="migrate the database, or check it", description="The schema of the database.")
    actions = db.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser(
        "upgrade",
        help="apply pending migrations",
        description="Applies pending migrations, as GALENIC_DATABASE_OWNER_URL or in the embedded database.",
        epilog=SETTINGS_NOTE,
    )
    actions.add_parser(
        "check",
        help="name pending migrations and drift",
        description="Names pending migrations and differences to the expected schema; exit code 1 if any.",
        epilog=SETTINGS_NOTE,
    )


def _add_audit(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    from fhir_server.cli.audit_arguments import add_actions

    audit = verbs.add_parser(
        "audit",
        help="verify, anchor, review and expire the audit trail",
        description="The audit trail: who did what to whose data.",
    )
    add_actions(audit.add_subparsers(dest="action", required=True, metavar="ACTION"), SETTINGS_NOTE)


def _add_clients(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    from fhir_server.cli.client_arguments import add_clients, add_keys

    add_clients(verbs, SETTINGS_NOTE)
    add_keys(verbs, SETTINGS_NOTE)


def _add_users(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    from fhir_server.cli.user_arguments import add_users

    add_users(verbs, SETTINGS_NOTE)


def _add_subscriptions(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    from fhir_server.cli.subscription_arguments import add_subscriptions

    add_subscriptions(verbs, SETTINGS_NOTE)


def _add_jobs(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    from fhir_server.cli.job_arguments import add_jobs, add_worker

    add_jobs(verbs, SETTINGS_NOTE)
    add_worker(verbs, SETTINGS_NOTE)


def _add_exchange(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    from fhir_server.cli.exchange_arguments import add_exchange

    add_exchange(verbs, SETTINGS_NOTE)


def _run(chosen: argparse.Namespace, settings: Settings) -> int:
    match chosen.verb:
        case "serve":
            from fhir_server.cli import serve

            return serve.run(settings)
        case "db":
            return _upgrade(settings) if chosen.action == "upgrade" else _check(settings)
        case verb if verb in MODULES:
            return int(importlib.import_module(f"fhir_server.cli.{chosen.verb}").run(settings, chosen))
        case "load":
            from fhir_server.cli import load

            return load.run(settings, chosen.files)
        case _:
            from fhir_server.cli import doctor

            return doctor.run(settings)


def _upgrade(settings: Settings) -> int:
    from fhir_server.cli.database import database, let_roles_log_in, plainly
    from fhir_server.storage.migrations import upgrade

    with database(settings, migrated=False) as urls, plainly():
        applied = upgrade(urls.owner_url)
        let_roles_log_in(settings)
    say(f"Applied: {', '.join(applied)}" if applied else "Nothing to apply: the database is at head")
    return 0


def _check(settings: Settings) -> int:
    from fhir_server.cli.database import database, plainly
    from fhir_server.storage.migrations import drift, pending

    with database(settings, migrated=False) as urls, plainly():
        problems = [f"pending migration {revision}" for revision in pending(urls.owner_url)]
        problems = problems or [f"differs from the expected schema: {line}" for line in drift(urls.owner_url)]
    for problem in problems:
        complain(problem)
    if not problems:
        say("The database is at head and as expected")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
