"""The commands about exemptions from the rules of the lifecycle profile."""

import argparse
from collections.abc import Sequence

from domain.foundation.credential_kind import KIND_NAMES
from services.api.contract.exemptions import (
    ExemptionEffect,
    GrantExemption,
    ListExemptions,
    RevokeExemption,
    ShownExemption,
)
from services.cli.lib.arguments import (
    add_command,
    add_historical_arguments,
    add_question_arguments,
    add_subcommands,
    credential_kind,
)
from services.cli.lib.client import ask
from services.cli.lib.credential_output import owner_title
from services.cli.lib.output import Column, JsonLines, make_output, short_time, stdout_table
from services.cli.lib.terminal import print_note


def add_arguments(parser: argparse.ArgumentParser) -> None:
    commands = add_subcommands(parser)
    grant = add_command(commands, "grant", "exempt credentials of an owner from the lifecycle profile's rules")
    grant.add_argument(
        "who", metavar="WHO", help="a user or role, root, a server certificate or SAML provider: its name, ARN or id"
    )
    grant.add_argument(
        "--until", metavar="TIME", required=True, help="when it ends by itself: a date or an RFC 3339 time, of UTC"
    )
    grant.add_argument("--reason", metavar="TEXT", required=True, help="recorded with it")
    grant.add_argument(
        "--kind",
        metavar="KIND",
        action="append",
        type=credential_kind,
        default=[],
        help=f"only credentials of this kind; repeatable (default: all): {', '.join(KIND_NAMES)}",
    )
    add_question_arguments(grant, _grant)
    revoke = add_command(commands, "revoke", "end an exemption before its time")
    revoke.add_argument("exemption_id", metavar="ID", help="as `list` shows it")
    add_question_arguments(revoke, _revoke)
    list_ = add_command(commands, "list", "show the exemptions that have not ended")
    add_historical_arguments(list_, _list)


def _grant(args: argparse.Namespace) -> None:
    kinds = tuple(args.kind) or None
    parameters = {"who": args.who, "until": args.until, "reason": args.reason, "kinds": kinds}
    make_output(args, EFFECT).show([ask(args, GrantExemption, parameters)])


def _revoke(args: argparse.Namespace) -> None:
    make_output(args, EFFECT).show([ask(args, RevokeExemption, {"exemption_id": args.exemption_id})])


def _list(args: argparse.Namespace) -> None:
    answer = ask(args, ListExemptions, {"as_of": args.as_of})
    if args.output == "json":
        JsonLines().show(answer.exemptions)
    elif answer.exemptions:
        stdout_table(EXEMPTIONS, wide=args.wide).show(answer.exemptions)
    if not answer.exemptions:
        print_note("There was no exemption.")


def _owner(exemption: ShownExemption) -> str:
    return owner_title(exemption.owner_id, exemption.owner_name)


def _kinds(exemption: ShownExemption) -> str:
    return ", ".join(exemption.kinds) or "all"


EXEMPTIONS: Sequence[Column[ShownExemption]] = (
    Column("EXEMPTION", lambda exemption: exemption.exemption_id),
    Column("OWNER", _owner),
    Column("KINDS", _kinds, wraps=True, least=16),
    Column("UNTIL", lambda exemption: short_time(exemption.until)),
    Column("REASON", lambda exemption: exemption.reason, wraps=True, least=20),
    Column("GRANTED", lambda exemption: short_time(exemption.granted_at), wide=True),
)
EFFECT: Sequence[Column[ExemptionEffect]] = (
    Column("EXEMPTION", lambda effect: effect.exemption.exemption_id),
    Column("OWNER", lambda effect: _owner(effect.exemption)),
    Column("KINDS", lambda effect: _kinds(effect.exemption), wraps=True, least=16),
    Column("UNTIL", lambda effect: short_time(effect.exemption.until)),
    Column("POSITION", lambda effect: f"p{effect.position}"),
)
