"""Checks: what a control asks of each of its subjects, as a function of an account value.

A check says from when a subject violates it if nothing changes any more: so a violation that time alone brings about is
known beforehand, and a change is the only reason to look again (docs/adr/0059).
"""

import inspect
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, partial
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, create_model
from pydantic import ValidationError as InvalidParameters

from domain.account import Account, Component
from domain.entity_kinds import entity_kinds
from domain.families.compliance_frameworks import ParameterValue, Severity
from domain.foundation.errors import ValidationError

ExposureUnit = Literal["key-days", "privilege-days", "days"]
"""In what the time is counted for which somebody could have used it: a credential, a privilege, or anything else."""
DAYS_MAX = 36_500
Days = Annotated[int, Field(ge=0, le=DAYS_MAX)]
"""A parameter that is added to times: with so many days, none leaves the calendar."""
Count = Annotated[int, Field(ge=0, le=1_000)]
ACCOUNT = "account"
"""The noun of the holder that is the account itself."""
ROOT = "root"
"""That of its root user, who has the account's id too."""
ALWAYS = datetime.min.replace(tzinfo=UTC)
"""Since what is so now came to be, whenever that was."""


class CheckFailed(Exception):  # noqa: N818  reads as the verdict that it is
    """A check is at fault."""


class CheckFinding(NamedTuple):
    """Of one subject, as it is."""

    subject_id: str
    """An access key id, a unique id, an ARN, or the account's id."""
    since: datetime | None = None
    """It violates the check from then on, unless something changes; None: it does not."""
    until: datetime | None = None
    """The time at which that ends by itself, if it does."""

    def is_violated(self, at: datetime) -> bool:
        return self.since is not None and self.since <= at and (self.until is None or at < self.until)


def violated(subject_id: str, when: bool) -> CheckFinding:  # noqa: FBT001  it reads: violated(key.id, key.is_old)
    """Of a subject whom no time concerns."""
    return CheckFinding(subject_id, ALWAYS if when else None)


CheckTest = Callable[..., Iterable[CheckFinding]]
"""Of an account and a holder's id: a finding for each of the holder's subjects. Parameters are keywords, with
defaults."""


class _Parameters(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


@dataclass(frozen=True, eq=False)
class ComplianceCheck:
    name: str
    version: int
    """Raised when the check finds something else than before: what it has found is looked for anew."""
    test: CheckTest
    of: tuple[str, ...]
    """The nouns of the entities that have its subjects, ROOT or ACCOUNT. What it says of the account is found in
    little time, which a limit bounds: it is asked at every change of what it reads."""
    reads: frozenset[Component[Any]]
    """All that it reads, beside the entities of `of` and the time when they were created."""
    title: str
    rationale: str
    remediation: str
    severity: Severity
    exposure: ExposureUnit = "days"

    @property
    def is_own(self) -> bool:
        """Whether the operator has written it, and not we."""
        return not self.test.__module__.startswith(f"{__package__}.")

    @cached_property
    def _parameters(self) -> type[_Parameters]:
        keywords = {
            name: (parameter.annotation, parameter.default)
            for name, parameter in inspect.signature(self.test).parameters.items()
            if parameter.kind is inspect.Parameter.KEYWORD_ONLY
        }
        return create_model(self.name, __base__=_Parameters, **keywords)  # type: ignore[call-overload,no-any-return]

    def parameters(self, given: Mapping[str, object]) -> dict[str, ParameterValue]:
        """All, the defaults among them. Raises ValidationError for one that there is not, or of another type."""
        lists = {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
        try:
            return self._parameters.model_validate(lists).model_dump()
        except InvalidParameters as error:
            wrong = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
            known = ", ".join(self._parameters.model_fields) or "none"
            raise ValidationError(f"The parameters of the check {self.name} ({known}) do not fit: {wrong}.") from error


_checks: dict[str, ComplianceCheck] = {}


def check(
    *, of: str | tuple[str, ...], reads: Iterable[Component[Any]], version: int = 1, **about: Any
) -> Callable[[CheckTest], ComplianceCheck]:
    """Registers a check of the function's name. Raises TypeError where there is one, of an unknown noun, and of a
    parameter without type or default."""
    nouns = (of,) if isinstance(of, str) else of
    if unknown := set(nouns) - {ACCOUNT, ROOT, *entity_kinds()}:
        raise TypeError(f"There is no kind of entity {', '.join(sorted(unknown))}.")

    def register(test: CheckTest) -> ComplianceCheck:
        name = test.__name__
        if name in _checks:
            raise TypeError(f"There is a check {name} already.")
        for parameter in inspect.signature(test).parameters.values():
            is_keyword = parameter.kind is inspect.Parameter.KEYWORD_ONLY
            if is_keyword and inspect.Parameter.empty in {parameter.annotation, parameter.default}:
                raise TypeError(f"The parameter {parameter.name} of the check {name} needs a type and a default.")
        _checks[name] = ComplianceCheck(name, version, test, nouns, frozenset(reads), **about)
        return _checks[name]

    return register


def find_check(name: str) -> ComplianceCheck:
    """Raises ValidationError where there is none."""
    if name not in _checks:
        raise ValidationError(f"There is no check {name!r}. muniment compliance checks lists them.")
    return _checks[name]


def checks() -> list[ComplianceCheck]:
    """All, by name."""
    return [_checks[name] for name in sorted(_checks)]


def holders(account: Account, noun: str) -> Collection[str]:
    """The ids of all entities of a kind; the account's own for ACCOUNT and ROOT."""
    kind = entity_kinds().get(noun)
    return (account.id,) if kind is None else kind.by_id(account)


@dataclass(frozen=True)
class CheckCriterion:
    """A check with its parameters: what is really looked at. Controls of several frameworks may share one."""

    check: ComplianceCheck
    parameters: tuple[tuple[str, ParameterValue], ...]

    @classmethod
    def of(cls, name: str, given: Mapping[str, object]) -> "CheckCriterion":
        """Raises ValidationError."""
        found = find_check(name)
        return cls(found, tuple(sorted(found.parameters(given).items())))

    @cached_property
    def test(self) -> CheckTest:
        """Of an account that is open, and a holder that is there."""
        return partial(self.check.test, **dict(self.parameters))

    @cached_property
    def id(self) -> str:
        """Equal for equal ones, and for people to read."""
        said = ", ".join(f"{name}={json.dumps(value)}" for name, value in self.parameters)
        return f"{self.check.name}({said})"

    def findings(self, account: Account, holder_id: str) -> Iterator[CheckFinding]:
        """None of an account that is not open, or of a holder that is not there."""
        if account.is_open and any(holder_id in holders(account, noun) for noun in self.check.of):
            yield from self.test(account, holder_id)

    def violations(self, account: Account, holder_id: str) -> list[CheckFinding]:
        """Those that are, or will be, of a holder that is there. Raises CheckFailed."""
        try:
            return [found for found in self.test(account, holder_id) if found.since is not None]
        except Exception as error:
            raise CheckFailed(f"The check {self.id} failed on {holder_id}: {type(error).__name__}: {error}") from error
