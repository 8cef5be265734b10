"""The command `notify`: who is told what happens to credentials."""

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from typing import Protocol

from domain.families.notifications import TargetDefinition, TargetKind
from domain.foundation.suggested_commands import suggested_command
from services.api.contract import notifications as contract
from services.api.contract.notifications import NotificationTargetDetails
from services.cli.lib.arguments import add_command, add_question_arguments, add_subcommands
from services.cli.lib.client import QuestionClient, build_question, open_client
from services.cli.lib.output import Column, make_output, short_time
from services.cli.lib.terminal import Failure, UsageError, print_note

TEST_SECONDS_MAX = 30
"""For which a test is waited for; it goes on without."""
DEFAULT_TAG = "owner"
LOCAL_KINDS = frozenset({"file", "command"})


class TargetDesk(Protocol):
    """An account's targets, or the operator's."""

    def add(self, name: str, definition: TargetDefinition) -> str | None: ...
    def list(self) -> Sequence[NotificationTargetDetails]: ...
    def remove(self, name: str) -> None: ...
    def test(self, name: str) -> None: ...


def add_arguments(parser: argparse.ArgumentParser) -> None:
    commands = add_subcommands(parser)
    add = add_command(commands, "add", "tell a target from now on; of a webhook, print its signing secret, as JSON")
    add.epilog = (
        "A webhook gets CloudEvents, signed by Standard Webhooks; the secret is printed once. E-mail is one digest a "
        "day, but for what cannot wait. With --local the target is the operator's, and is told about all accounts, or "
        "about the one that --account-id names."
    )
    add.add_argument("name", metavar="NAME", help="by which it is listed and removed")
    where = add.add_mutually_exclusive_group(required=True)
    where.add_argument("--webhook", metavar="URL", help="POST to this https URL")
    where.add_argument("--email", metavar="ADDRESS", help="send mail to this address")
    where.add_argument(
        "--email-owner",
        metavar="TAG",
        nargs="?",
        const=DEFAULT_TAG,
        help="send mail to the address in this tag of the user or role whose credential it is (default: owner)",
    )
    where.add_argument(
        "--file", metavar="PATH", help="with --local: append a line of JSON to this file of the server's"
    )
    where.add_argument(
        "--command", metavar="COMMAND", help="with --local: run this on the server, with the event as standard input"
    )
    add.add_argument(
        "--events",
        metavar="PATTERN",
        action="append",
        default=[],
        help="events whose class name matches, such as 'Rotation*'; repeatable (default: what time does to "
        "credentials, reports of leaks, and the removal of targets)",
    )
    add.add_argument("--owner", metavar="USER|ROLE", help="only about credentials of this one, by name or unique id")
    add.add_argument(
        "--kind", metavar="KIND", action="append", default=[], help="only about these, such as access_key; repeatable"
    )
    add_question_arguments(add, _add)
    list_ = add_command(commands, "list", "list the targets: how telling them goes, and what waits")
    add_question_arguments(list_, _list)
    remove = add_command(commands, "remove", "tell a target that it was removed, and nothing else any more")
    remove.add_argument("name", metavar="NAME", help="the target")
    add_question_arguments(remove, _remove)
    test = add_command(commands, "test", "tell a target a test now, and see whether it takes it")
    test.epilog = "A target that has failed is tried at once; it is told first what waits."
    test.add_argument("name", metavar="NAME", help="the target")
    add_question_arguments(test, _test)


def _add(args: argparse.Namespace) -> None:
    given: dict[TargetKind, str | None] = {
        "webhook": args.webhook,
        "email": args.email,
        "email_owner": args.email_owner,
        "file": args.file,
        "command": args.command,
    }
    [(kind, destination)] = [(kind, text) for kind, text in given.items() if text is not None]
    if not args.local and kind in LOCAL_KINDS:
        raise UsageError(f"A {kind} is on the server's machine: its operator adds it there, with --local.")
    definition = TargetDefinition(kind, destination, tuple(args.events), args.owner, tuple(args.kind))
    with _desk(args) as desk:
        secret = desk.add(args.name, definition)
    if secret is not None:
        sys.stdout.write(json.dumps({"Name": args.name, "SigningSecret": secret}, indent=2) + "\n")
    again = suggested_command("muniment", "notify", "test", args.name)
    print_note(f"{args.name} is told what happens from now on. To try it: {again}{' --local' if args.local else ''}")


def _list(args: argparse.Namespace) -> None:
    with _desk(args) as desk:
        targets = desk.list()
    make_output(args, TARGETS).show(targets)
    if not targets:
        print_note("There is no notification target.")


def _remove(args: argparse.Namespace) -> None:
    with _desk(args) as desk:
        desk.remove(args.name)
    print_note(f"{args.name} is told that it was removed, and nothing else any more.")


def _test(args: argparse.Namespace) -> None:
    """Raises Failure where the target does not take it, or not in time."""
    with _desk(args) as desk:
        before = _named(desk, args.name)
        desk.test(args.name)
        for _ in range(TEST_SECONDS_MAX):
            now = _named(desk, args.name)
            if now.last_error is not None and (
                before.last_error is None or now.next_attempt_at != before.next_attempt_at
            ):
                raise Failure(f"{args.name} does not take it: {now.last_error}")
            if now.delivered > before.delivered and not now.waiting and not now.waiting_mail:
                print_note(f"{args.name} has taken it.")
                return
            if now.unresolved_owners > before.unresolved_owners:
                raise Failure(f"{args.name} has nobody to tell: whoever asks for the test has no address in that tag.")
            time.sleep(1)
    raise Failure(f"{args.name} was not told in {TEST_SECONDS_MAX} seconds: see `muniment notify list`.")


def _named(desk: TargetDesk, name: str) -> NotificationTargetDetails:
    found = [target for target in desk.list() if target.name == name]
    if not found:
        raise Failure(f"There is no notification target {name}.")
    return found[0]


class _RemoteDesk:
    """An account's targets, by its server."""

    def __init__(self, client: QuestionClient) -> None:
        self._client = client

    def add(self, name: str, definition: TargetDefinition) -> str | None:
        given = {key: value for key, value in asdict(definition).items() if value not in (None, ())}
        return self._client.ask(build_question(contract.AddNotificationTarget, {"name": name, **given})).signing_secret

    def list(self) -> Sequence[NotificationTargetDetails]:
        return self._client.ask(contract.ListNotificationTargets()).targets

    def remove(self, name: str) -> None:
        self._client.ask(build_question(contract.RemoveNotificationTarget, {"name": name}))

    def test(self, name: str) -> None:
        self._client.ask(build_question(contract.TestNotificationTarget, {"name": name}))


@contextmanager
def _desk(args: argparse.Namespace) -> Iterator[TargetDesk]:
    if args.local:
        from services.cli.lib.operator_desk import open_operator_desk  # noqa: PLC0415  slow, and the operator's alone

        with open_operator_desk(args) as operator:
            yield operator
    else:
        with open_client(args) as client:
            yield _RemoteDesk(client)


def _state(target: NotificationTargetDetails) -> str:
    if target.failing_since is None:
        return "ok" if target.last_delivered_at is not None else "new"
    return f"{'dead' if target.dead else 'failing'} since {short_time(target.failing_since)}"


def _time(at: datetime | None) -> str | None:
    return None if at is None else short_time(at)


def _waiting(target: NotificationTargetDetails) -> str:
    count = target.waiting + target.waiting_mail
    return f"more than {count}" if target.more_waiting else str(count)


def _filters(target: NotificationTargetDetails) -> str | None:
    owner = () if target.owner is None else (f"owner {target.owner}",)
    return ", ".join((*target.events, *owner, *target.credential_kinds)) or None


TARGETS: Sequence[Column[NotificationTargetDetails]] = (
    Column("NAME", lambda target: target.name),
    Column("KIND", lambda target: target.kind),
    Column("DESTINATION", lambda target: target.destination, least=20),
    Column("STATE", _state),
    Column("WAITING", _waiting),
    Column("ERROR", lambda target: target.last_error, wraps=True),
    Column("ONLY", _filters, wraps=True),
    Column("WITHOUT ADDRESS", lambda target: str(target.unresolved_owners) if target.unresolved_owners else None),
    Column("DELIVERED", lambda target: str(target.delivered), wide=True),
    Column("LAST", lambda target: _time(target.last_delivered_at), wide=True),
    Column("NEXT ATTEMPT", lambda target: _time(target.next_attempt_at), wide=True),
)
