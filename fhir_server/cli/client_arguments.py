"""What `galenic client` and `galenic keys` can be asked for."""

import argparse
from pathlib import Path
from typing import get_args

from fhir_server.auth.roles import ROLES
from fhir_server.identity.clients import Kind
from fhir_server.identity.minting import SECONDS_MAX

TOKEN_SECONDS = 300


def add_clients(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]", note: str) -> None:
    client = verbs.add_parser(
        "client",
        help="register apps and systems",
        description="Apps and systems that may ask for access: docs/authorization/clients.md.",
    )
    actions = client.add_subparsers(dest="action", required=True, metavar="ACTION")
    _add_add(actions, note)
    actions.add_parser("list", help="list all clients", description="Lists all clients.", epilog=note)
    rotate = actions.add_parser(
        "rotate",
        help="replace a client's secret or keys",
        description="Gives a client another secret, or other keys; those before are worth nothing from then on.",
        epilog=note,
    )
    rotate.add_argument("id", metavar="ID")
    _add_keys(rotate)
    disable = actions.add_parser(
        "disable",
        help="end a client and all its tokens",
        description="Ends a client: it gets no token any more, and those it has are refused within 2 s.",
        epilog=note,
    )
    disable.add_argument("id", metavar="ID")
    _add_launch(actions, note)
    _add_token(actions, note)


def add_keys(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]", note: str) -> None:
    keys = verbs.add_parser(
        "keys", help="rotate the keys of id_tokens", description="The keys that id_tokens are signed with."
    )
    actions = keys.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser(
        "rotate",
        help="sign with the next key",
        description="Signs with the announced key from now on, and announces another one. Logs nobody out.",
        epilog=note,
    )
    actions.add_parser("list", help="list the keys", description="Lists the keys, without their secrets.", epilog=note)


def _add_add(actions: "argparse._SubParsersAction[argparse.ArgumentParser]", note: str) -> None:
    add = actions.add_parser(
        "add",
        help="register a client",
        description="Registers an app or a system, and prints its id and, once, its secret.",
        epilog=note,
    )
    add.add_argument("--name", required=True, help="what people are shown")
    add.add_argument("--kind", required=True, choices=get_args(Kind), help="how it proves who it is")
    add.add_argument("--scope", required=True, metavar="SCOPES", help="the most it may be granted, blank-separated")
    add.add_argument("--id", default="", help="its client id (default: a random one)")
    add.add_argument("--redirect-uri", metavar="URI", action="append", default=[], help="where people come back to")
    add.add_argument("--launch-uri", metavar="URI", help="where an EHR launch begins")
    add.add_argument("--uri", metavar="URL", help="where people learn about it")
    add.add_argument("--logo-uri", metavar="URL", help="its logo")
    add.add_argument("--origin", metavar="ORIGIN", action="append", default=[], help="of its pages, for CORS")
    add.add_argument("--role", choices=ROLES, help="of a system that acts for itself (mostly integration)")
    add.add_argument("--introspect", action="store_true", help="may introspect tokens of all clients")
    add.add_argument("--launch", action="store_true", help="is an EHR: may launch apps")
    _add_keys(add)


def _add_keys(parser: argparse.ArgumentParser) -> None:
    keys = parser.add_mutually_exclusive_group()
    keys.add_argument("--jwks", metavar="FILE", type=Path, help="its public keys, a JWKS")
    keys.add_argument("--jwks-uri", metavar="URL", help="where it publishes them")


def _add_launch(actions: "argparse._SubParsersAction[argparse.ArgumentParser]", note: str) -> None:
    launch = actions.add_parser(
        "launch",
        help="make an EHR launch id for an app",
        description="Makes a launch id: one app may use it once, for one user, for 5 minutes.",
        epilog=note,
    )
    launch.add_argument("id", metavar="ID", help="the app's client id")
    launch.add_argument("--user", metavar="REFERENCE", required=True, help="whom it is for, such as Practitioner/1")
    launch.add_argument("--patient", metavar="ID", help="the patient in context")
    launch.add_argument("--encounter", metavar="ID", help="the encounter in context")
    launch.add_argument("--intent", help="what the app is to do")
    launch.add_argument("--no-banner", action="store_true", help="the app need not show whose data it shows")


def _add_token(actions: "argparse._SubParsersAction[argparse.ArgumentParser]", note: str) -> None:
    token = actions.add_parser(
        "token",
        help="make an access token for a system",
        description="Prints an access token of a system that acts for itself. It is recorded who made it.",
        epilog=note,
    )
    token.add_argument("id", metavar="ID", help="the system's client id")
    token.add_argument("--scope", metavar="SCOPES", default="", help="less than it may have (default: all of it)")
    token.add_argument(
        "--seconds",
        metavar="SECONDS",
        type=_seconds,
        default=TOKEN_SECONDS,
        help=f"its life ({TOKEN_SECONDS} unless said, {SECONDS_MAX} at most)",
    )


def _seconds(text: str) -> int:
    seconds = int(text)
    if not 1 <= seconds <= SECONDS_MAX:
        raise argparse.ArgumentTypeError(f"1 to {SECONDS_MAX} seconds")
    return seconds
