"""The commands about compliance frameworks: which there are, what they look at, and which the account has adopted."""

import argparse
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from domain.compliance.frameworks import built_in_frameworks
from domain.families.compliance_frameworks import ControlDefinition
from services.api.contract.compliance_frameworks import (
    AdoptComplianceFramework,
    DropComplianceFramework,
    FrameworkEffect,
    ListComplianceFrameworks,
    ListedFramework,
    ShowComplianceFramework,
)
from services.cli.lib.arguments import add_command, add_historical_arguments, add_question_arguments
from services.cli.lib.client import ask
from services.cli.lib.compliance_output import CHECKS, said_parameters
from services.cli.lib.output import Column, JsonLines, make_output, short_time
from services.cli.lib.policy_file import read_document
from services.cli.lib.terminal import print_line, print_wrapped


def add_framework_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    adopt = add_command(commands, "adopt", "record and tell what violates a framework, from now on")
    adopt.add_argument("framework", metavar="NAME|FILE", help="a built-in one, or one of your own: TOML or JSON")
    add_question_arguments(adopt, _adopt)
    drop = add_command(commands, "drop", "record what violates a framework no more; its past is still known")
    drop.add_argument("name", metavar="NAME")
    add_question_arguments(drop, _drop)
    add_historical_arguments(add_command(commands, "frameworks", "the frameworks that there are"), _frameworks)
    show = add_command(commands, "show", "the controls of a framework, and what they look at")
    show.add_argument("name", metavar="NAME", help="as `compliance frameworks` lists it")
    show.epilog = "--output json: a file for `adopt` and `try`, once it has another name."
    add_historical_arguments(show, _show)
    add_question_arguments(add_command(commands, "checks", "the checks that controls are made of"), _checks)


def _adopt(args: argparse.Namespace) -> None:
    given = args.framework if args.framework in built_in_frameworks() else read_document(args.framework)
    make_output(args, EFFECT).show([ask(args, AdoptComplianceFramework, {"framework": given})])


def _drop(args: argparse.Namespace) -> None:
    make_output(args, EFFECT).show([ask(args, DropComplianceFramework, {"name": args.name})])


def _frameworks(args: argparse.Namespace) -> None:
    answer = ask(args, ListComplianceFrameworks, {"as_of": args.as_of})
    make_output(args, FRAMEWORKS).show(answer.frameworks)


def _show(args: argparse.Namespace) -> None:
    shown = ask(args, ShowComplianceFramework, {"name": args.name, "as_of": args.as_of})
    if args.output == "json":
        JsonLines().show([shown.framework])
        return
    framework = shown.framework
    print_wrapped(f"{framework.title} {framework.version}. Source: {framework.source}")
    print_line("")
    make_output(args, LOOKED_AT).show([row for control in framework.controls for row in _rows(control)])


class _Row(NamedTuple):
    control: ControlDefinition
    looked_at: str


def _rows(control: ControlDefinition) -> Iterator[_Row]:
    for test in control.tests:
        yield _Row(control, f"{test.check}({said_parameters(test.parameters)})")
    if left_out := control.not_answered or control.partly:
        yield _Row(control, f"Not looked at: {left_out}")


def _checks(args: argparse.Namespace) -> None:
    make_output(args, CHECKS).show(ask(args, ListComplianceFrameworks, {}).checks)


FRAMEWORKS: Sequence[Column[ListedFramework]] = (
    Column("FRAMEWORK", lambda framework: framework.name),
    Column("VERSION", lambda framework: framework.version),
    Column("TITLE", lambda framework: framework.title, wraps=True),
    Column("CONTROLS", lambda framework: str(framework.controls)),
    Column("ANSWERED", lambda framework: str(framework.answered)),
    Column("OF", lambda framework: "muniment" if framework.built_in else "the account"),
    Column("ADOPTED", lambda framework: short_time(framework.adopted_at) if framework.adopted_at else None),
)
LOOKED_AT: Sequence[Column[_Row]] = (
    Column("CONTROL", lambda row: row.control.id),
    Column("TITLE", lambda row: row.control.title, wraps=True, least=24),
    Column("LOOKS AT", lambda row: row.looked_at, wraps=True, least=24),
)
EFFECT: Sequence[Column[FrameworkEffect]] = (
    Column("FRAMEWORK", lambda effect: effect.name),
    Column("VERSION", lambda effect: effect.version),
    Column("POSITION", lambda effect: "already so" if effect.position is None else f"p{effect.position}"),
)
