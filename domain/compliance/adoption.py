"""Frameworks that an account has adopted: which there may be, and what of them is looked at."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from domain.account import Account
from domain.compliance.check import CheckCriterion
from domain.compliance.frameworks import (
    Framework,
    built_in_criteria,
    built_in_frameworks,
    find_framework,
    former_framework,
)
from domain.families.compliance_frameworks import (
    COMPLIANCE_FRAMEWORKS,
    OWN_ADOPTIONS,
    OWN_ADOPTIONS_A_DAY_MAX,
    AdoptedFramework,
    AdoptedFrameworks,
    ComplianceFrameworkAdopted,
    ComplianceFrameworkDropped,
)
from domain.foundation.errors import LimitExceeded, NoSuchEntity, ValidationError
from domain.foundation.moments import format_rfc3339
from domain.foundation.nearest import nearest

DAY = timedelta(days=1)
FRAMEWORKS_MAX = 10
"""Of an account."""
OWN_CRITERIA_MAX = 100
"""Of all of an account's frameworks, besides those of the built-in ones: so many are looked at with each change."""
WORK_MAX = 20_000_000
"""New criteria times positions: what is looked at once, in a minute at worst."""


def adopt_framework(account: Account, framework: Framework, at: datetime) -> tuple[ComplianceFrameworkAdopted, ...]:
    """None where it says what the account has adopted already. Raises ValidationError and LimitExceeded."""
    name, definition = framework.name, framework.definition
    built_in = built_in_frameworks().get(name)
    if built_in is not None and built_in.definition != definition:
        raise ValidationError(f"{name} is the name of a built-in framework: give yours another one.")
    adopted = account[COMPLIANCE_FRAMEWORKS]
    former = adopted.get(name)
    if former is None and len(adopted) >= FRAMEWORKS_MAX:
        raise LimitExceeded(f"The account has adopted {len(adopted)} frameworks; at most {FRAMEWORKS_MAX}: drop one.")
    if former is not None and former.version == definition.version:
        if built_in is not None or former.definition == definition:
            return ()
        raise ValidationError(
            f"The account has adopted {name} {definition.version} with other controls: give this one another version."
        )
    lately = account[OWN_ADOPTIONS]
    if built_in is None and len(lately) >= OWN_ADOPTIONS_A_DAY_MAX and at - lately[0] < DAY:
        raise LimitExceeded(
            f"The account has adopted frameworks of its own {len(lately)} times within a day: try them first "
            f"(TryFramework), and adopt this one after {format_rfc3339(lately[0] + DAY)}."
        )
    event = ComplianceFrameworkAdopted(
        framework_name=name,
        framework_version=definition.version,
        definition=None if built_in is not None else definition,
    )
    known = {each.id for each in own_criteria(adopted)}
    own = own_criteria(event.fold(account, at)[COMPLIANCE_FRAMEWORKS])
    new = sum(each.id not in known for each in own)
    if len(own) > OWN_CRITERIA_MAX:
        raise LimitExceeded(
            f"With it, {len(own)} checks that no built-in framework makes with such parameters would be looked at; "
            f"at most {OWN_CRITERIA_MAX}."
        )
    if new * account.position > WORK_MAX:
        raise LimitExceeded(
            f"{new} new checks would be looked at over {account.position:,} positions; expected at most "
            f"{WORK_MAX // account.position} for this account at once."
        )
    return (event,)


def drop_framework(account: Account, name: str) -> ComplianceFrameworkDropped:
    """Raises NoSuchEntity."""
    if name not in account[COMPLIANCE_FRAMEWORKS]:
        raise NoSuchEntity(
            f"Account {account.id} has not adopted a framework {name!r}.",
            suggestion=nearest(name, account[COMPLIANCE_FRAMEWORKS]),
        )
    return ComplianceFrameworkDropped(framework_name=name)


def is_framework(account: Account, name: str) -> bool:
    return name in account[COMPLIANCE_FRAMEWORKS] or name in built_in_frameworks()


def framework_of(account: Account, name: str) -> Framework:
    """The account's own of this name, or the built-in one. Raises NoSuchEntity."""
    adopted = account[COMPLIANCE_FRAMEWORKS].get(name)
    if adopted is not None and adopted.definition is not None:
        return former_framework(adopted.definition)
    own = [each.name for each in account[COMPLIANCE_FRAMEWORKS].values() if each.definition is not None]
    return find_framework(name, own)


def adopted_frameworks(adopted: Iterable[AdoptedFramework]) -> list[tuple[AdoptedFramework, Framework]]:
    """By name. Without those built-in ones that are not any more."""
    found = []
    for each in sorted(adopted, key=lambda each: each.name):
        if each.definition is not None:
            found.append((each, former_framework(each.definition)))
        elif (built_in := built_in_frameworks().get(each.name)) is not None:
            found.append((each, built_in))
    return found


def own_criteria(adopted: AdoptedFrameworks) -> tuple[CheckCriterion, ...]:
    """Those that are looked at for this account alone, each once."""
    known = {each.id for each in built_in_criteria().every}
    own = _criteria(framework for _, framework in adopted_frameworks(adopted.values()))
    return tuple(each for each in own if each.id not in known)


def adopted_criteria(adopted: AdoptedFrameworks) -> Sequence[CheckCriterion]:
    """All, each once."""
    return _criteria(framework for _, framework in adopted_frameworks(adopted.values()))


def _criteria(frameworks: Iterable[Framework]) -> Sequence[CheckCriterion]:
    every = {each.id: each for framework in frameworks for each in framework.criteria}
    return list(every.values())
