"""What `galenic jobs` and `galenic worker` can be asked for."""

import argparse
from uuid import UUID

STATES = ("waiting", "running", "done", "failed", "superseded")
KINDS = ("notify", "react", "reindex", "script-message", "send")
LIMIT = 50


def add_jobs(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]", note: str) -> None:
    jobs = verbs.add_parser(
        "jobs",
        help="see work in the background, and try it again",
        description="Jobs: docs/jobs.md.",
    )
    actions = jobs.add_subparsers(dest="action", required=True, metavar="ACTION")
    found = actions.add_parser(
        "list",
        help="list queues and jobs",
        description="How long each queue is, and jobs that wait, are under way or have failed.",
        epilog=note,
    )
    found.add_argument("--kind", choices=KINDS, help="of one kind")
    found.add_argument("--state", choices=STATES, help="of one state")
    found.add_argument("--limit", metavar="COUNT", type=int, default=LIMIT, help=f"at most (default {LIMIT})")
    show = actions.add_parser("show", help="show a job", description="What became of a job.", epilog=note)
    show.add_argument("id", metavar="ID", type=UUID)
    retry = actions.add_parser(
        "retry", help="try a job again", description="Now, one that waits or has failed.", epilog=note
    )
    retry.add_argument("id", metavar="ID", type=UUID)


def add_worker(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]", note: str) -> None:
    verbs.add_parser(
        "worker",
        help="run one more worker until Ctrl-C",
        description="Does jobs beside the worker of `galenic serve`, on the same PostgreSQL and Redis.",
        epilog=note,
    )
