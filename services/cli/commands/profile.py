"""The commands about lifecycle profiles."""

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from domain.families.lifecycle_profiles import LifecycleProfile
from domain.foundation.errors import Refusal
from domain.rules.lifecycle_profiles import BUILT_IN_PROFILES, read_versioned_profile
from services.api.contract.lifecycle_profiles import (
    ForecastByProfile,
    ForecastCredential,
    ForecastLifecycle,
    LifecycleForecast,
    ProfileEffect,
    RemoveLifecycleProfile,
    SetLifecycleProfile,
    ShowLifecycleProfile,
    ShownProfile,
    profile_of,
)
from services.cli.lib.arguments import add_command, add_historical_arguments, add_question_arguments, add_subcommands
from services.cli.lib.client import ask, show_pages
from services.cli.lib.credential_output import owner_title
from services.cli.lib.output import Column, JsonLines, make_output, short_time, stdout_table
from services.cli.lib.policy_file import STANDARD_INPUT, read_document
from services.cli.lib.terminal import UsageError, print_line, print_note, print_wrapped

DAYS_DEFAULT = 90
IN_FORCE = "in-force"
_GIVEN = f"a profile in JSON, - for standard input, or the name of a built-in one: {', '.join(BUILT_IN_PROFILES)}"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    commands = add_subcommands(parser)
    show = add_command(commands, "show", "show the profile in force and where it is set, or another by its name")
    show.add_argument(
        "name", metavar="NAME", nargs="?", help="a built-in one, or one that the account has had, also NAME@VERSION"
    )
    show.epilog = "--output json: a file for `set`."
    add_historical_arguments(show, _show)
    set_ = add_command(commands, "set", "make a profile the account's own")
    set_.add_argument("given", metavar="FILE|NAME", help=_GIVEN)
    _add_unit(set_)
    add_question_arguments(set_, _set)
    remove = add_command(commands, "remove", "remove the account's own profile")
    _add_unit(remove)
    add_question_arguments(remove, _remove)
    diff = add_command(commands, "diff", "what two profiles say differently, rule by rule")
    for name, what in (("first", "FILE|NAME[@VERSION]|in-force"), ("second", "the other one (default: in-force)")):
        diff.add_argument(name, metavar="PROFILE", nargs=None if name == "first" else "?", default=IN_FORCE, help=what)
    add_historical_arguments(diff, _diff)
    run = add_command(commands, "dry-run", "which credentials a profile would hit, and when; nothing is changed")
    run.add_argument("given", metavar="FILE|NAME", help=_GIVEN)
    run.add_argument(
        "--days", type=int, metavar="N", default=DAYS_DEFAULT, help=f"so far ahead (default: {DAYS_DEFAULT})"
    )
    run.add_argument("--unchanged", action="store_true", help="also what is the same by the profile in force")
    run.epilog = "As it comes if nobody does anything, and nobody uses the credentials until then."
    add_historical_arguments(run, _dry_run)


def _add_unit(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--unit",
        metavar="ID",
        help="with --local: not of the account, but of this root, unit or account in the organization in force",
    )


def _show(args: argparse.Namespace) -> None:
    shown = ask(args, ShowLifecycleProfile, {"name": args.name, "as_of": args.as_of})
    if args.output == "json":
        JsonLines().show([_as_file(shown.profile)])
        return
    print_wrapped(f"{shown.profile}, {_where(shown)}.")
    if shown.profile.description is not None:
        print_wrapped(shown.profile.description)
    print_line("")
    stdout_table(RULES, wide=args.wide).show([_Said(*each) for each in _sayings(shown.profile)])


def _where(shown: ShownProfile) -> str:
    where = _source(shown.source, shown.account_id)
    return f"{where}, in force" if shown.in_force else f"{where}, not in force"


def _source(source: str, account_id: str) -> str:
    if source == account_id:
        return "of the account itself"
    return source if source == "built-in" else f"of {source} in the organization"


def _as_file(profile: LifecycleProfile) -> dict[str, object]:
    return profile.model_dump(mode="json", exclude_defaults=True)


def _set(args: argparse.Namespace) -> None:
    given = _given(args.given)
    if args.unit is not None:
        _set_unit(args, BUILT_IN_PROFILES[given] if given in BUILT_IN_PROFILES else read_versioned_profile(given))
    else:
        _show_effect(args, ask(args, SetLifecycleProfile, {"profile": given}))


def _remove(args: argparse.Namespace) -> None:
    if args.unit is not None:
        _set_unit(args, None)
    else:
        _show_effect(args, ask(args, RemoveLifecycleProfile, {}))


def _set_unit(args: argparse.Namespace, profile: LifecycleProfile | None) -> None:
    """Raises UsageError where it is not the operator who asks."""
    if not args.local:
        raise UsageError("The organization is the operator's: --unit takes --local.")
    # Slow to import, and not needed for what a server is asked.
    from services.cli.lib.unit_profile import set_unit_profile  # noqa: PLC0415

    set_unit_profile(args, profile)


def _show_effect(args: argparse.Namespace, effect: ProfileEffect) -> None:
    make_output(args, EFFECT).show([effect])
    if effect.position is None and args.output != "json":
        print_note("It was in force already.")


def _given(name: str) -> str:
    """Its JSON, or the built-in one's name. Raises UsageError for what is neither."""
    if name in BUILT_IN_PROFILES:
        return name
    text = read_document(name)
    try:
        profile_of(text)
    except Refusal as refusal:
        raise UsageError(f"{name}: {refusal.message}") from refusal
    return text


def _diff(args: argparse.Namespace) -> None:
    first, second = (_profile(args, each) for each in (args.first, args.second))
    sayings = dict(_sayings(first)), dict(_sayings(second))
    names = sorted({*sayings[0], *sayings[1]})
    rows = [_Differs(name, sayings[0].get(name), sayings[1].get(name)) for name in names]
    differing = [row for row in rows if row.first != row.second]
    if args.output == "json":
        JsonLines().show([row._asdict() for row in differing])
    elif differing:
        titles = (str(first), str(second)) if str(first) != str(second) else (args.first, args.second)
        stdout_table(_difference_columns(*titles), wide=args.wide).show(differing)
    if not differing:
        print_note(f"{first} and {second} say the same.")


def _profile(args: argparse.Namespace, given: str) -> LifecycleProfile:
    """Raises UsageError."""
    if given in BUILT_IN_PROFILES:
        return BUILT_IN_PROFILES[given]
    is_file = given == STANDARD_INPUT or "/" in given or given.endswith(".json") or Path(given).is_file()
    if is_file and given != IN_FORCE:
        return profile_of(_given(given))
    name = None if given == IN_FORCE else given
    return ask(args, ShowLifecycleProfile, {"name": name, "as_of": args.as_of}).profile


def _sayings(profile: LifecycleProfile) -> Iterator[tuple[str, str]]:
    """Its rules by their names, in words of JSON."""
    for name, value in profile.attributes.items():
        if name != "lifecycle_profile":
            yield name, value if isinstance(value, str) else json.dumps(value)


def _dry_run(args: argparse.Namespace) -> None:
    parameters = {
        "profile": _given(args.given),
        "days": args.days,
        "unchanged": args.unchanged or None,
        "as_of": args.as_of,
    }

    def first(page: LifecycleForecast) -> None:
        if args.output != "json":
            until = short_time(page.until)
            print_wrapped(f"{page.proposed} in place of {page.in_force}, until {until}, if nobody does anything:")
            print_line("")

    if not show_pages(args, ForecastLifecycle, parameters, lambda page: page.rows, FORECAST, first=first):
        print_note(f"Within {args.days} days nothing would be recorded otherwise.")


def _told(forecast: ForecastByProfile | None) -> str | None:
    if forecast is None:
        return None
    withheld = "" if forecast.protects is None else f", withheld: {forecast.protects}"
    return f"{short_time(forecast.due_at)}{'' if forecast.due_at >= forecast.at else ', at once'}{withheld}"


class _Said(NamedTuple):
    name: str
    value: str


class _Differs(NamedTuple):
    rule: str
    first: str | None
    second: str | None


def _difference_columns(first: str, second: str) -> Sequence[Column[_Differs]]:
    return (
        Column("RULE", lambda row: row.rule),
        Column(first.upper(), lambda row: row.first, wraps=True, least=20),
        Column(second.upper(), lambda row: row.second, wraps=True, least=20),
    )


RULES: Sequence[Column[_Said]] = (
    Column("RULE", lambda said: said.name),
    Column("SAYS", lambda said: said.value, wraps=True),
)
EFFECT: Sequence[Column[ProfileEffect]] = (
    Column("IN FORCE", lambda effect: str(effect.in_force)),
    Column("SET", lambda effect: _source(effect.source, effect.account_id)),
    Column("FROM POSITION", lambda effect: None if effect.position is None else f"p{effect.position}"),
)
FORECAST: Sequence[Column[ForecastCredential]] = (
    Column("CREDENTIAL", lambda row: row.credential_id),
    Column("KIND", lambda row: row.kind),
    Column("OWNER", lambda row: owner_title(row.owner_id, row.owner_name)),
    Column("NOTICE", lambda row: row.what),
    Column("CHANGE", lambda row: row.change),
    Column("PROPOSED", lambda row: _told(row.proposed)),
    Column("IN FORCE", lambda row: _told(row.in_force)),
)
