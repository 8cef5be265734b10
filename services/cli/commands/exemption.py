"""The commands about exemptions from the rules of the lifecycle profile, and from controls."""

import argparse
from collections.abc import Sequence

from domain.foundation.credential_kind import KIND_NAMES
from services.api.contract.exemptions import ExemptionEffect, GrantExemption, ListExemptions, RevokeExemption
from services.cli.lib.arguments import (
    add_command,
    add_historical_arguments,
    add_question_arguments,
    add_subcommands,
    credential_kind,
)
from services.cli.lib.client import ask
from services.cli.lib.clipping import note_clipping
from services.cli.lib.compliance_output import exempt_from, exemption_columns
from services.cli.lib.credential_output import owner_title
from services.cli.lib.output import Column, make_output, short_time
from services.cli.lib.periods import add_period_arguments, period_parameters
from services.cli.lib.terminal import print_note


def add_arguments(parser: argparse.ArgumentParser) -> None:
    commands = add_subcommands(parser)
    grant = add_command(commands, "grant", "exempt somebody from the lifecycle profile's rules, or from controls")
    grant.add_argument(
        "who",
        metavar="WHO",
        help="a user or role, root, a server certificate or SAML provider: its name, ARN or id; "
        "from controls also a group, a policy or another provider",
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
    grant.add_argument(
        "--control",
        metavar="FRAMEWORK/ID",
        action="append",
        default=[],
        help="from this control, such as cis-5.0/1.13, and from no rule of the profile; repeatable",
    )
    add_question_arguments(grant, _grant)
    revoke = add_command(commands, "revoke", "end an exemption before its time")
    revoke.add_argument("exemption_id", metavar="ID", help="as `list` shows it")
    add_question_arguments(revoke, _revoke)
    list_ = add_command(commands, "list", "show the exemptions of a moment, or of a period, and who granted them")
    add_period_arguments(list_)
    add_historical_arguments(list_, _list)


def _grant(args: argparse.Namespace) -> None:
    kinds = tuple(args.kind) or None
    parameters = {"who": args.who, "until": args.until, "reason": args.reason, "kinds": kinds}
    parameters["controls"] = tuple(args.control) or None
    make_output(args, EFFECT).show([ask(args, GrantExemption, parameters)])


def _revoke(args: argparse.Namespace) -> None:
    make_output(args, EFFECT).show([ask(args, RevokeExemption, {"exemption_id": args.exemption_id})])


def _list(args: argparse.Namespace) -> None:
    answer = ask(args, ListExemptions, period_parameters(args))
    note_clipping(answer.clipped_to)
    if answer.exemptions or args.output != "table":
        make_output(args, exemption_columns(answer.account_id)).show(answer.exemptions)
    else:
        print_note("There was no exemption.")


EFFECT: Sequence[Column[ExemptionEffect]] = (
    Column("EXEMPTION", lambda effect: effect.exemption.exemption_id),
    Column("OWNER", lambda effect: owner_title(effect.exemption.owner_id, effect.exemption.owner_name)),
    Column(
        "EXEMPT FROM",
        lambda effect: exempt_from(effect.exemption.controls, effect.exemption.kinds),
        wraps=True,
        least=16,
    ),
    Column("UNTIL", lambda effect: short_time(effect.exemption.until)),
    Column("POSITION", lambda effect: f"p{effect.position}"),
)
