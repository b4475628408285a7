"""What `galenic user` can be asked for; a password is never among it: arguments are seen by everybody on a machine."""

import argparse
from typing import TYPE_CHECKING

from fhir_server.identity.people import PEOPLE_ROLES

if TYPE_CHECKING:
    Actions = argparse._SubParsersAction[argparse.ArgumentParser]


def add_users(verbs: "Actions", note: str) -> None:
    user = verbs.add_parser(
        "user",
        help="let people in, and keep them out",
        description="People who log in: docs/authorization/people.md.",
    )
    actions = user.add_subparsers(dest="action", required=True, metavar="ACTION")
    _add_add(actions, note)
    actions.add_parser("list", help="list everybody", description="Lists everybody who may log in.", epilog=note)
    _add_of_login(actions, note)
    reset = actions.add_parser(
        "reset",
        help="another password, no second factor, no session",
        description="For who has lost password or telephone: ends sessions, forgets the second factor and lock-outs.",
        epilog=note,
    )
    reset.add_argument("login", metavar="LOGIN")
    how = reset.add_mutually_exclusive_group()
    how.add_argument("--generate", action="store_true", help="make the password, and print it once")
    how.add_argument("--keep-password", action="store_true", help="forget the second factor only")
    link = actions.add_parser(
        "link",
        help="let a person log in at the outside OpenID provider",
        description="Says who at the outside provider this person is; nobody is let in who was not linked.",
        epilog=note,
    )
    link.add_argument("login", metavar="LOGIN")
    link.add_argument("--issuer", required=True, metavar="URL", help="`iss` of the provider's id_tokens")
    link.add_argument("--subject", required=True, metavar="SUB", help="`sub` of the person's")


def _add_add(actions: "Actions", note: str) -> None:
    add = actions.add_parser(
        "add",
        help="let a person in",
        description="Adds a person; asks for a password, or reads one line where it is not asked at a terminal.",
        epilog=note,
    )
    add.add_argument("login", metavar="LOGIN")
    add.add_argument("--name", required=True, help="what is shown")
    add.add_argument("--role", required=True, choices=PEOPLE_ROLES)
    add.add_argument("--fhir-user", required=True, metavar="REFERENCE", help="who they are: Practitioner/1, Patient/1")
    add.add_argument(
        "--patient", metavar="ID", action="append", default=[], help="for whom a caregiver cares; repeat for more"
    )
    how = add.add_mutually_exclusive_group()
    how.add_argument("--generate", action="store_true", help="make the password, and print it once")
    how.add_argument("--no-password", action="store_true", help="logs in at the outside provider only")


def _add_of_login(actions: "Actions", note: str) -> None:
    for name, text in (
        ("disable", "Keeps a person out, at once and everywhere."),
        ("enable", "Lets a person in again."),
        ("unlock", "Forgets the failures of a login and of its second factor."),
    ):
        action = actions.add_parser(name, help=text.rstrip(".").lower(), description=text, epilog=note)
        action.add_argument("login", metavar="LOGIN")
