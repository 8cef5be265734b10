"""The command that rotates access keys."""

import argparse
from collections.abc import Mapping, Sequence
from typing import TypeVar

from domain.foundation.errors import Refusal
from services.api.contract.key_rotations import (
    KeyRotationDetails,
    KeyRotationStep,
    KeyToRotate,
    ListKeyRotations,
    ListKeysToRotate,
    StopKeyRotation,
)
from services.api.contract.question import Answer, Question
from services.cli.lib.arguments import add_question_arguments
from services.cli.lib.client import QuestionClient, ask, build_question, open_client
from services.cli.lib.key_rotation import Rotator
from services.cli.lib.key_targets import USER, KeyTarget, target_for
from services.cli.lib.output import Column, JsonLines, make_output, short_time
from services.cli.lib.terminal import Colour, Failure, UsageError, print_line, print_note

A = TypeVar("A", bound=Answer)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.usage = (
        "%(prog)s access-key USER --to-file FILE | --to-profile NAME | --to-command COMMAND [OPTION ...]\n"
        "       %(prog)s --due --to-file FILE | --to-profile NAME | --to-command COMMAND [OPTION ...]\n"
        "       %(prog)s list | stop USER [OPTION ...]"
    )
    parser.epilog = (
        "Run the same again to go on: the old key is deactivated when the new one was seen in use, and deleted when "
        "nobody has missed it. A use is seen within 15 minutes. Exit code 1 when a rotation failed or was stopped."
    )
    due = parser.add_argument_group("rotating all that are due")
    due.add_argument("--due", action="store_true", help="rotate all keys that are due, and go on with those under way")
    due.add_argument("--path", dest="path_prefix", metavar="PATH", help="only of users below this path, such as /ci/")
    due.add_argument("--tag", metavar="KEY[=VALUE]", help="only of users with this tag")
    due.add_argument("--older-than", type=_days, metavar="DAYS", help="all keys older than this, due or not")
    due.add_argument("--dry-run", action="store_true", help="show which keys would be rotated, and change nothing")
    _add_rotation_arguments(parser)
    add_question_arguments(parser, _rotate_due)
    actions = parser.add_subparsers(title="subcommands", metavar="SUBCOMMAND", prog=parser.prog)
    one = actions.add_parser("access-key", help="rotate the access key of a user, or go on with it")
    one.add_argument("user", metavar="USER", help="by name, unique id or ARN")
    one.add_argument("--old", metavar="KEY", help="of two keys, the one that the other replaces: none is made")
    _add_rotation_arguments(one, default=argparse.SUPPRESS)
    add_question_arguments(one, _rotate_one, default=argparse.SUPPRESS)
    stop = actions.add_parser("stop", help="stop a rotation: the keys stay as they are")
    stop.add_argument("user", metavar="USER", help="by name, unique id or ARN")
    stop.add_argument("--reason", metavar="TEXT", help="recorded with the event")
    add_question_arguments(stop, _stop, default=argparse.SUPPRESS)
    every = actions.add_parser("list", help="list the rotations that are under way, and what each waits for")
    add_question_arguments(every, _list, default=argparse.SUPPRESS)


def _add_rotation_arguments(parser: argparse.ArgumentParser, default: object = None) -> None:
    off = False if default is None else default
    to = parser.add_argument_group(
        "where the new key goes, once", f"{USER} in it stands for the user's name"
    ).add_mutually_exclusive_group()
    to.add_argument("--to-file", metavar="FILE", default=default, help="JSON for `credential_process`, of mode 0600")
    to.add_argument(
        "--to-profile", metavar="NAME", default=default, help="a profile of AWS's tools, where its key stands"
    )
    to.add_argument(
        "--to-command", metavar="COMMAND", default=default, help="the same JSON on its standard input; without a shell"
    )
    parser.add_argument(
        "--observe-days",
        type=_days,
        metavar="DAYS",
        default=default,
        help="keep the old key inactive so long (default: 7)",
    )
    parser.add_argument("--wait", action="store_true", default=off, help="wait until the next step is taken")
    parser.add_argument(
        "--force-now",
        action="store_true",
        default=off,
        help="the old key has leaked: deactivate it as soon as the new one is handed over, used or not",
    )


class _Server:
    """Reads the profile again when its key is another one."""

    def __init__(self, args: argparse.Namespace) -> None:
        if args.local:
            raise UsageError("A rotation is asked of a server, which has the master key: it takes no --local.")
        self._args = args
        self.renew()

    def renew(self) -> None:
        with open_client(self._args) as client:
            self._client: QuestionClient = client

    def ask(self, question: Question[A]) -> A:
        return self._client.ask(question)


def _rotate_one(args: argparse.Namespace) -> None:
    _refuse_filters(args, due=False)
    rotator = Rotator(_Server(args), print_note)
    target = _target(args, args.user)
    step = rotator.rotate(
        args.user, target, old=getattr(args, "old", None), observe_days=args.observe_days, force=args.force_now
    )
    _show(args, step)
    if args.wait and not _has_ended(step):
        step = rotator.wait({args.user: step})[args.user]
        _show(args, step)
    if step.rotation.stage == "stopped":
        raise Failure(f"The rotation of {args.user} was stopped: {step.rotation.waits_for}.")


def _rotate_due(args: argparse.Namespace) -> None:
    if not args.due:
        raise UsageError("Expected access-key USER, --due, list or stop USER.")
    key, equals, value = (None, "", "") if args.tag is None else args.tag.partition("=")
    asked = {
        "path_prefix": args.path_prefix,
        "tag_key": key,
        "tag_value": value if equals else None,
        "older_than_days": args.older_than,
    }
    question = build_question(ListKeysToRotate, asked)
    server = _Server(args)
    keys = server.ask(question).keys
    if args.dry_run:
        make_output(args, DUE).show(keys)
        print_note("Nothing was changed." if keys else "No key is to be rotated.")
        return
    targets = {key.user_name: _target(args, key.user_name) for key in keys}
    _refuse_one_for_all(args, keys)
    _rotate_all(args, Rotator(server, print_note), targets)


def _rotate_all(args: argparse.Namespace, rotator: Rotator, targets: Mapping[str, KeyTarget | None]) -> None:
    """Each by itself. Raises Failure at the end, where one or more have failed."""
    steps: dict[str, KeyRotationStep] = {}
    failed = 0
    for user, target in targets.items():
        try:
            steps[user] = rotator.rotate(user, target, observe_days=args.observe_days, force=args.force_now)
            _show(args, steps[user])
        except (Failure, Refusal, OSError) as error:
            failed += 1
            print_note(f"{user}: {error}", Colour.RED)
    if args.wait:
        for step in rotator.wait(steps).values():
            _show(args, step)
            steps[step.rotation.user_name] = step
    if not targets:
        print_note("No key is to be rotated.")
    failed += sum(step.rotation.stage == "stopped" for step in steps.values())
    if failed:
        raise Failure(f"{failed} of {len(targets)} rotations failed or were stopped, see above.")


def _target(args: argparse.Namespace, user: str) -> KeyTarget | None:
    return target_for(user, file=args.to_file, profile=args.to_profile, command=args.to_command)


def _refuse_one_for_all(args: argparse.Namespace, keys: Sequence[KeyToRotate]) -> None:
    """Raises UsageError."""
    given = args.to_file or args.to_profile
    if given is None and args.to_command is None:
        raise UsageError("Say where the new keys go, with --to-file, --to-profile or --to-command, or use --dry-run.")
    if given is not None and USER not in given and len({key.user_name for key in keys}) > 1:
        raise UsageError(f"{given} would take the keys of several users, and have the last: expected {USER} in it.")


def _refuse_filters(args: argparse.Namespace, *, due: bool) -> None:
    """Raises UsageError."""
    if not due and (args.due or args.path_prefix or args.tag or args.older_than is not None or args.dry_run):
        raise UsageError("--due, --path, --tag, --older-than and --dry-run are about many users: they take no USER.")


def _stop(args: argparse.Namespace) -> None:
    step = ask(args, StopKeyRotation, {"credential": args.user, "reason": getattr(args, "reason", None)})
    _show(args, step)


def _list(args: argparse.Namespace) -> None:
    answer = ask(args, ListKeyRotations, {})
    if not answer.rotations:
        print_note("No rotation is under way.")
    make_output(args, ROTATIONS).show(answer.rotations)


def _show(args: argparse.Namespace, step: KeyRotationStep) -> None:
    if args.output == "json":
        JsonLines().show([step])
        return
    for sentence in step.done:
        print_line(sentence)
    if not _has_ended(step):
        rotation = step.rotation
        until = f", {short_time(rotation.waits_until)}" if rotation.waits_until is not None else ""
        print_line(f"{rotation.user_name}: waits for {rotation.waits_for}{until}.", Colour.YELLOW)


def _has_ended(step: KeyRotationStep) -> bool:
    return step.rotation.stage in {"finished", "stopped"}


def _days(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError(f"expected a whole number of days; got {text!r}")
    return int(text)


DUE: Sequence[Column[KeyToRotate]] = (
    Column("USER", lambda key: key.user_name),
    Column("ACCESS KEY", lambda key: key.access_key_id),
    Column("CREATED", lambda key: short_time(key.created_at)),
    Column("NOTICE", lambda key: key.notice),
    Column("UNDER WAY", lambda key: key.stage),
)
ROTATIONS: Sequence[Column[KeyRotationDetails]] = (
    Column("USER", lambda each: each.user_name),
    Column("OLD KEY", lambda each: each.old_access_key_id),
    Column("NEW KEY", lambda each: each.new_access_key_id),
    Column("STAGE", lambda each: each.stage),
    Column("SINCE", lambda each: short_time(each.started_at)),
    Column("WAITS FOR", lambda each: each.waits_for),
    Column("UNTIL", lambda each: None if each.waits_until is None else short_time(each.waits_until)),
)
