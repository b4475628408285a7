"""What `galenic subscriptions` can be asked for."""

import argparse

STATES = ("requested", "active", "error", "off")


def add_subscriptions(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]", note: str) -> None:
    subscriptions = verbs.add_parser(
        "subscriptions",
        help="see who is told what, and tell it again",
        description="Subscriptions and how far each has been told: docs/subscriptions/operating.md.",
    )
    actions = subscriptions.add_subparsers(dest="action", required=True, metavar="ACTION")
    found = actions.add_parser("list", help="list subscriptions", description="All of them.", epilog=note)
    found.add_argument("--state", choices=STATES, help="of one state")
    show = actions.add_parser(
        "show", help="show a subscription", description="How far it is, and what went wrong.", epilog=note
    )
    show.add_argument("id", metavar="ID")
    replay = actions.add_parser(
        "replay",
        help="tell a subscriber again",
        description="What has not arrived, or all events from a number on; one in error or off is asked for anew.",
        epilog=note,
    )
    replay.add_argument("id", metavar="ID")
    replay.add_argument("--since", metavar="NUMBER", type=int, help="the first event that is told again")
    secret = actions.add_parser(
        "secret", help="show what messages are signed with", description="The newest first.", epilog=note
    )
    secret.add_argument("id", metavar="ID")
    rotate = actions.add_parser(
        "rotate",
        help="make a new signing secret",
        description="Messages are signed with the new one and the one before, until the next rotation.",
        epilog=note,
    )
    rotate.add_argument("id", metavar="ID")
