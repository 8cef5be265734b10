"""Frameworks: the controls of a benchmark or standard, each as criteria, or as a question that is not answered here."""

import hashlib
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from importlib import import_module, resources
from pkgutil import iter_modules
from typing import Annotated

from pydantic import Field, model_validator
from pydantic import ValidationError as Invalid

from domain.compliance import checks
from domain.compliance.check import CheckCriterion
from domain.compliance.finding_changes import Criteria
from domain.families.compliance_frameworks import ControlDefinition, ControlTest, FrameworkDefinition, Severity
from domain.foundation.errors import NoSuchEntity, ValidationError

FILE_BYTES_MAX = 64 * 1024
"""As much of it rides in an event where an account adopts it."""
CONTROLS_MAX = 500
TESTS_MAX = 50
FRAMEWORKS_KEPT_MAX = 32
"""Of accounts' own, as they were read: a megabyte or two each, at worst."""
KEY_PARTS_MAX = 8
"""Of a dotted key in TOML: what `tomllib` does for each line grows with their square."""
_LONG_KEY = re.compile(
    rf"""(?<![\w"'\\-])(?:(?:[\w-]++|"(?:[^"\\\n]|\\.)*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){{{KEY_PARTS_MAX}}}"""
)
NUMBER_MAX = 2**31 - 1
_PRINTABLE = r"^[^\x00-\x1f\x7f-\x9f]*$"
"""PostgreSQL's JSON takes no U+0000: an event with one could not be projected."""
_Line = Annotated[str, Field(min_length=1, max_length=1_024, pattern=_PRINTABLE)]
_Text = Annotated[str, Field(max_length=2_048, pattern=_PRINTABLE)]
_Number = Annotated[int, Field(ge=-NUMBER_MAX, le=NUMBER_MAX)]
_Name = Annotated[str, Field(max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]


class _ReadTest(ControlTest):
    check: _Name
    parameters: dict[_Name, _Number | _Text | bool | tuple[_Text, ...]] = Field(default_factory=dict)


class _ReadControl(ControlDefinition):
    id: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._()-]*$")]
    title: _Line
    tests: Annotated[tuple[_ReadTest, ...], Field(max_length=TESTS_MAX)] = ()
    not_answered: _Line | None = None
    partly: _Line | None = None
    config_rule: Annotated[str, Field(max_length=64, pattern=r"^[A-Z0-9_]+$")] | None = None
    config_parameters: dict[_Name, _Name] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _says_one(self) -> "_ReadControl":
        if bool(self.tests) == bool(self.not_answered):
            raise ValueError("a control has either tests or not_answered")
        if self.config_parameters and len(self.tests) != 1:
            raise ValueError("a control has config_parameters only where it has one test")
        return self


class _ReadFramework(FrameworkDefinition):
    name: _Name
    version: _Name
    title: _Line
    source: _Line
    controls: Annotated[tuple[_ReadControl, ...], Field(min_length=1, max_length=CONTROLS_MAX)]

    @model_validator(mode="after")
    def _names_controls_once(self) -> "_ReadFramework":
        ids = [control.id for control in self.controls]
        if twice := {each for each in ids if ids.count(each) > 1}:
            raise ValueError(f"more than one control is called {', '.join(sorted(twice))}")
        return self


@dataclass(frozen=True, slots=True)
class Control:
    definition: ControlDefinition
    criteria: tuple[CheckCriterion, ...]

    @property
    def id(self) -> str:
        return self.definition.id

    @property
    def severity(self) -> Severity:
        order: tuple[Severity, ...] = ("critical", "high", "medium", "low", "informational")
        if self.definition.severity is not None:
            return self.definition.severity
        return min((each.check.severity for each in self.criteria), key=order.index, default="informational")

    @property
    def asked(self) -> str:
        """A digest of what it looks at: another one where a version of the framework asks something else by this id."""
        return hashlib.sha256("\n".join(sorted(each.id for each in self.criteria)).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Framework:
    definition: FrameworkDefinition
    controls: tuple[Control, ...]

    @property
    def name(self) -> str:
        return self.definition.name

    @cached_property
    def criteria(self) -> tuple[CheckCriterion, ...]:
        """Each once."""
        return tuple({each.id: each for control in self.controls for each in control.criteria}.values())

    def control(self, control_id: str) -> Control:
        """Raises NoSuchEntity."""
        for control in self.controls:
            if control.id == control_id:
                return control
        raise NoSuchEntity(f"The framework {self.name} has no control {control_id!r}.")


def load_checks() -> None:
    """A check is found because its module lies in `domain/compliance/checks`."""
    for module in iter_modules(checks.__path__):
        import_module(f"{checks.__name__}.{module.name}")


def framework(definition: FrameworkDefinition) -> Framework:
    """Raises ValidationError, naming the control, where a check is unknown or its parameters do not fit."""
    load_checks()
    controls = []
    for each in definition.controls:
        try:
            controls.append(Control(each, _criteria(each)))
        except ValidationError as error:
            raise ValidationError(f"Control {each.id} of {definition.name}: {error}") from error
    return Framework(definition, tuple(controls))


@lru_cache(FRAMEWORKS_KEPT_MAX)
def former_framework(definition: FrameworkDefinition) -> Framework:
    """One that was accepted, perhaps by a program with other checks: a control with one that is not here any more is
    not answered. Decisions ask for all that an account has adopted."""
    load_checks()
    return Framework(definition, tuple(map(_former_control, definition.controls)))


def _former_control(definition: ControlDefinition) -> Control:
    try:
        return Control(definition, _criteria(definition))
    except ValidationError as error:
        why = f"This program cannot answer it. {error}"
        fields = {"id": definition.id, "title": definition.title, "severity": definition.severity}
        return Control(ControlDefinition.model_validate({**fields, "not_answered": why[:1_024]}), ())


def _criteria(control: ControlDefinition) -> tuple[CheckCriterion, ...]:
    criteria = tuple(CheckCriterion.of(test.check, test.parameters) for test in control.tests)
    known = {name for criterion in criteria for name, _ in criterion.parameters}
    if unknown := set(control.config_parameters.values()) - known:
        raise ValidationError(
            f"Its check has no parameter {', '.join(sorted(unknown))}, of which config_parameters speaks."
        )
    return criteria


def read_framework(text: str, origin: str) -> Framework:
    """From TOML, or JSON. Raises ValidationError, naming the origin and what is wrong in it."""
    if len(text.encode()) > FILE_BYTES_MAX:
        raise ValidationError(f"{origin} has {len(text.encode()):,} bytes; expected at most {FILE_BYTES_MAX:,}.")
    is_json = text.lstrip().startswith("{")
    if not is_json and (found := _LONG_KEY.search(text)) is not None:
        raise ValidationError(
            f"{origin} has more than {KEY_PARTS_MAX} names in a row with dots between them; got {found[0][:64]}…"
        )
    try:
        read = (
            _ReadFramework.model_validate_json(text) if is_json else _ReadFramework.model_validate(tomllib.loads(text))
        )
        return framework(FrameworkDefinition.model_validate(read.model_dump()))
    except Invalid as error:
        wrong = "; ".join(f"{'.'.join(map(str, each['loc'])) or 'file'}: {each['msg']}" for each in error.errors()[:3])
        raise ValidationError(f"{origin} is no framework: {wrong}") from error
    except (ValueError, RecursionError) as error:  # Not all that is wrong with a number is a TOMLDecodeError.
        raise ValidationError(f"{origin} is no TOML: {error}") from error


@cache
def built_in_frameworks() -> Mapping[str, Framework]:
    """By name."""
    files = resources.files("domain.compliance.built_in").iterdir()
    read = [read_framework(file.read_text(), file.name) for file in files if file.name.endswith(".toml")]
    return {each.name: each for each in sorted(read, key=lambda each: each.name)}


@cache
def built_in_criteria() -> Criteria:
    """Of all of them, each once."""
    load_checks()
    every = {each.id: each for framework in built_in_frameworks().values() for each in framework.criteria}
    return Criteria(tuple(every.values()))


def find_framework(name: str, own: Iterable[str] = ()) -> Framework:
    """Of the built-in ones. Raises NoSuchEntity, which names the account's own, too."""
    try:
        return built_in_frameworks()[name]
    except KeyError:
        known = ", ".join((*built_in_frameworks(), *own))
        raise NoSuchEntity(f"There is no framework {name!r}, but {known}.") from None
