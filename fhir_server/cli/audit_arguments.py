"""What `galenic audit` can be asked for."""

import argparse
from datetime import date, datetime
from pathlib import Path

EVENTS_DEFAULT = 100


def add_actions(actions: "argparse._SubParsersAction[argparse.ArgumentParser]", note: str) -> None:
    verify = actions.add_parser(
        "verify",
        help="walk the chain of seals",
        description="Walks the chain of seals and says which record was edited, deleted or put in, and where. "
        "Exit code 1 if one was; that is recorded.",
        epilog=note,
    )
    verify.add_argument(
        "--anchor", metavar="FILE", action="append", type=Path, default=[], help="compare with a signed head, too"
    )
    verify.add_argument("--public-key", metavar="FILE", type=Path, help="the key anchors are signed by (PEM)")
    _json(verify)
    anchor = actions.add_parser(
        "anchor",
        help="write the signed head of the chain to a file",
        description="Writes the signed head of the chain to FILE, which should be kept where nobody who can change the "
        "database can change it. Makes the key the first time, and its public half beside it.",
        epilog=note,
    )
    anchor.add_argument("file", metavar="FILE", type=Path, help="a new file")
    report = actions.add_parser(
        "report",
        help="print the review of a day",
        description="Prints the review of a calendar day (UTC): refused access, failed logins, lock-outs, emergency "
        "access, changes of access control, deletions, exports, interference with the audit trail.",
        epilog=note,
    )
    report.add_argument("--day", metavar="YYYY-MM-DD", type=date.fromisoformat, required=True, help="which day")
    _json(report)
    _add_events(actions, note)
    actions.add_parser(
        "expire",
        help="drop records past their retention",
        description="Drops months of records that are all older than GALENIC_AUDIT_RETENTION_YEARS, never younger than "
        "six years, as GALENIC_DATABASE_OWNER_URL or in the embedded database. That is recorded.",
        epilog=note,
    )


def _add_events(actions: "argparse._SubParsersAction[argparse.ArgumentParser]", note: str) -> None:
    events = actions.add_parser(
        "events",
        help="print records as FHIR AuditEvents",
        description="Prints records as FHIR AuditEvents, newest first, one a line.",
        epilog=note,
    )
    events.add_argument("--since", metavar="TIME", type=datetime.fromisoformat, help="not before (ISO 8601)")
    events.add_argument("--until", metavar="TIME", type=datetime.fromisoformat, help="before (ISO 8601)")
    events.add_argument("--patient", metavar="ID", default="", help="those about this patient alone")
    events.add_argument("--agent", metavar="REFERENCE", default="", help="what this person or client did alone")
    events.add_argument("--count", metavar="N", type=int, default=EVENTS_DEFAULT, help="records at most")


def _json(action: argparse.ArgumentParser) -> None:
    action.add_argument("--json", action="store_true", help="print JSON")
