"""What `galenic partner`, `messages`, `map` and `listen` can be asked for."""

import argparse
from pathlib import Path

SHOWN = 50
FORMATS = ("fhir", "hl7v2-rde", "hl7v2-rds", "hl7v2-adt", "script-2017071", "script-2023011")


def add_exchange(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]", note: str) -> None:
    _add_partner(verbs, note)
    _add_messages(verbs, note)
    _add_map(verbs, note)
    verbs.add_parser(
        "listen",
        help="listen for HL7 v2 by MLLP until Ctrl-C",
        description="Answers HL7 v2 of partners on GALENIC_MLLP_PORT; `galenic serve` does so beside its other work.",
        epilog=note,
    )


def _add_partner(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]", note: str) -> None:
    partner = verbs.add_parser(
        "partner",
        help="say who may send what",
        description="Partners who send HL7 v2 and SCRIPT: docs/messages/partners.md.",
    )
    actions = partner.add_subparsers(dest="action", required=True, metavar="ACTION")
    add = actions.add_parser("add", help="add a partner", description="Adds a partner.", epilog=note)
    add.add_argument("id", metavar="ID", help="what it is called here: small letters, digits, -")
    _add_traits(add, required=True)
    change = actions.add_parser(
        "change",
        help="change a partner",
        description="Changes what is given and leaves the rest; '' ends what it is given for.",
        epilog=note,
    )
    change.add_argument("id", metavar="ID")
    _add_traits(change, required=False)
    show = actions.add_parser("show", help="show a partner", description="All of it but its secret.", epilog=note)
    show.add_argument("id", metavar="ID")
    actions.add_parser("list", help="list all partners", description="Lists all partners.", epilog=note)
    disable = actions.add_parser(
        "disable", help="end a partner", description="Nothing more is taken from it.", epilog=note
    )
    disable.add_argument("id", metavar="ID")


def _add_traits(parser: argparse.ArgumentParser, *, required: bool) -> None:
    parser.add_argument("--name", required=required, help="what people call it")
    parser.add_argument(
        "--sender",
        metavar="SENDER",
        action="append",
        required=required,
        help="MSH-3|MSH-4 of its HL7 v2, qualifier:id of its SCRIPT; may be repeated",
    )
    parser.add_argument(
        "--kind",
        metavar="KIND",
        action="append",
        required=required,
        help="what it may send: RDE^O11, ADT^*, NewRx; repeated",
    )
    parser.add_argument("--network", metavar="CIDR", action="append", help="where it may come from; repeated")
    parser.add_argument("--certificate", metavar="SHA256", help="of its client certificate, hexadecimal")
    parser.add_argument("--zone", metavar="ZONE", help="of its clocks, such as America/Chicago (default UTC)")
    parser.add_argument(
        "--authority",
        metavar="NAME=SYSTEM",
        action="append",
        help="the system of identifiers it names by a word; repeated",
    )
    parser.add_argument("--http", action="store_true", help="it sends SCRIPT over HTTP: makes its secret, shown once")
    parser.add_argument("--address", metavar="URL", help="where it listens: mllp://host:port, or mllps://")
    parser.add_argument(
        "--location",
        metavar="REFERENCE",
        action="append",
        help="where what it sends belongs: Location/1 of dispenses, Organization/1 of orders; repeated",
    )


def _add_messages(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]", note: str) -> None:
    messages = verbs.add_parser(
        "messages",
        help="list, show and replay messages",
        description="The ledger of messages: docs/messages/ledger.md.",
    )
    actions = messages.add_subparsers(dest="action", required=True, metavar="ACTION")
    found = actions.add_parser("list", help="list messages", description="The newest first.", epilog=note)
    found.add_argument("--partner", metavar="ID", help="of one partner")
    found.add_argument("--state", metavar="STATE", help="received, mapped, answered, failed, dead")
    found.add_argument("--kind", metavar="KIND", help="RDE^O11, NewRx")
    found.add_argument("--limit", metavar="COUNT", type=int, default=SHOWN, help=f"at most (default {SHOWN})")
    show = actions.add_parser(
        "show", help="show a message", description="Its bytes, its answer, its notes and what it made.", epilog=note
    )
    show.add_argument("id", metavar="ID")
    show.add_argument("--raw", action="store_true", help="its bytes alone")
    send = actions.add_parser(
        "send",
        help="send an HL7 v2 message to a partner",
        description="Puts a message into the queue of a partner; the worker sends it, in its turn, until acknowledged.",
        epilog=note,
    )
    send.add_argument("partner", metavar="PARTNER")
    send.add_argument("file", metavar="FILE", type=Path, help="the message")
    replay = actions.add_parser(
        "replay",
        help="process a failed message again",
        description="Once more, as if it had been sent again.",
        epilog=note,
    )
    replay.add_argument("id", metavar="ID")


def _add_map(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]", note: str) -> None:
    shown = verbs.add_parser(
        "map",
        help="show what a message maps to",
        description="Maps HL7 v2 or SCRIPT to FHIR, FHIR to them, or SCRIPT to another version; stores nothing.",
        epilog=note,
    )
    shown.add_argument("file", metavar="FILE", type=Path, help="a message, or FHIR; - is the standard input")
    shown.add_argument("--to", choices=FORMATS, default="fhir", help="what to map it to (default fhir)")
    shown.add_argument("--sender", default="", help="of what is written: APPLICATION|FACILITY, or QUALIFIER:ID")
    shown.add_argument("--receiver", default="", help="the same")
    shown.add_argument("--kind", default="", help="the transaction of SCRIPT that is written (default NewRx, RxFill)")
    shown.add_argument("--partner", default="example", help="whose words it uses (default example)")
    shown.add_argument("--zone", default="UTC", help="of the sender's clocks (default UTC)")
    shown.add_argument("--reasons", action="store_true", help="with the reason for each choice")
