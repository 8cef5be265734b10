"""What resources come to, out of violations of their subjects."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from types import MappingProxyType

import pytest

from domain.compliance.frameworks import find_framework
from domain.compliance.resources import compliance_of_resources
from domain.families.resource_compliance import ControlName, ResourceCompliance
from domain.foundation.moments import Moment
from domain.read_models.compliance import ReportedExemption, ViolationBound, ViolationInterval
from tests.services.endpoint import ACCOUNT, BEGAN_AT, Endpoint

KEYS = (("aws-config", "access-keys-rotated"),)
Hours = tuple[int, int | None]


def interval(holder_id: str, key: str, hours: Hours, criterion: str = "access_key_age(days=90)") -> ViolationInterval:
    opened, closed = hours
    at = [None if each is None else BEGAN_AT + timedelta(hours=each) for each in hours]
    assert at[0] is not None
    return ViolationInterval(
        criterion=criterion,
        subject_id=key,
        holder_id=holder_id,
        holder_name="ann",
        opened=ViolationBound(position=opened + 1, at=at[0], by="somebody"),
        by_time=False,
        closed=None if at[1] is None else ViolationBound(position=(closed or 0) + 1, at=at[1], by="somebody"),
    )


def told(
    *violations: ViolationInterval,
    exemptions: Sequence[ReportedExemption] = (),
    gone: Mapping[str, str] = MappingProxyType({}),
    controls: Sequence[ControlName] = KEYS,
) -> dict[str, ResourceCompliance]:
    """By id, of an account in which nobody has a key but the root user, whose is new."""
    account = Endpoint().account
    last = Moment(1_000, BEGAN_AT + timedelta(days=1))
    (control,) = compliance_of_resources(controls, account, last, violations, exemptions, gone)
    return {each.id: each for each in control.resources}


@pytest.mark.parametrize(
    ("keys", "spans"),
    [
        ([(1, 2)], [(1, 2)]),
        ([(1, 2), (3, 4)], [(1, 2), (3, 4)]),
        ([(1, 3), (2, 4)], [(1, 4)]),
        ([(1, 4), (2, 3)], [(1, 4)]),
        ([(1, 2), (2, 3)], [(1, 3)]),
        ([(1, 4), (2, 3), (4, 5), (6, 7)], [(1, 5), (6, 7)]),
        ([(6, 7), (1, 2)], [(1, 2), (6, 7)]),
        ([(1, 1)], [(1, 1)]),
    ],
)
def test_violations_that_overlap_are_one(keys: list[Hours], spans: list[Hours]) -> None:
    """In whatever order they come. Of one that ends and one that begins at the same time, too."""
    found = told(*(interval("AIDA1", f"AKIA{number}", hours) for number, hours in enumerate(keys)))["AIDA1"]
    hours = [
        [round((at - BEGAN_AT) / timedelta(hours=1)) for at in (each.since, each.until) if at] for each in found.spans
    ]
    assert hours == [list(each) for each in spans]
    assert found.spans[0].position == spans[0][0] + 1
    assert sorted(subject for span in found.spans for subject in span.subjects) == sorted(
        f"AKIA{number}" for number in range(len(keys))
    )


def test_who_is_gone_is_told_by_what_is_known() -> None:
    """With the ARN that is handed in, or else by the id; nothing is looked at any more."""
    user, policy = told(interval("AIDA1", "AKIA1", (1, 2)), gone={"AIDA1": "arn:aws:iam::1:user/a/ann"})["AIDA1"], None
    assert (user.noun, user.arn, user.name, user.made_at, user.is_looked_at) == (
        *("user", "arn:aws:iam::1:user/a/ann", "ann"),
        *(None, False),
    )
    arn = f"arn:aws:iam::{ACCOUNT}:policy/p"
    policy = told(interval(arn, arn, (1, 2)))[arn]
    assert (policy.noun, policy.arn) == ("policy", arn)


def test_the_root_user_is_the_account() -> None:
    """Looked at, for it has a key."""
    root = told()[ACCOUNT]
    assert (root.noun, root.arn, root.is_looked_at, root.is_violating) == (
        *("account", f"arn:aws:iam::{ACCOUNT}:root"),
        *(True, False),
    )
    assert root.since == root.made_at == BEGAN_AT


OF_ACCOUNT = {"owner_id": ACCOUNT, "control": "aws-config/iam-password-policy"}


def exemption(
    *hours: int, control: str = "aws-config/access-keys-rotated", reason: str = "known", owner_id: str = "AIDA1"
) -> ReportedExemption:
    granted, until = (BEGAN_AT + timedelta(hours=each) for each in hours)
    framework, _, control_id = control.partition("/")
    return ReportedExemption(
        exemption_id=f"{hours}",
        owner_id=owner_id,
        owner_name="ann",
        kinds=(),
        controls=(control,),
        asked=(find_framework(framework).control(control_id).asked,),
        reason=reason,
        granted=ViolationBound(position=1, at=granted, by="the boss"),
        until=until,
        ended=None,
        ended_as=None,
    )


@pytest.mark.parametrize(
    ("exemptions", "closed", "reason"),
    [
        ([], 3, None),
        ([exemption(0, 9)], 3, "known"),
        ([exemption(0, 9, control="security-hub/IAM.3")], 3, None),
        ([exemption(0, 9, owner_id="AIDA2")], 3, None),
        ([exemption(0, 2)], 3, None),
        ([exemption(1, 3)], 3, "known"),
        ([exemption(0, 2), exemption(2, 9, reason="again")], 3, "again"),
        ([exemption(2, 9)], 3, None),
    ],
)
def test_what_somebody_was_exempt_from(exemptions: list[ReportedExemption], closed: int, reason: str | None) -> None:
    """From this control, all the time that it was violated, be it by one exemption after another."""
    of_keys = [interval("AIDA1", key, hours) for key, hours in (("AKIA1", (1, 2)), ("AKIA2", (2, closed)))]
    (span,) = told(*of_keys, exemptions=exemptions)["AIDA1"].spans
    assert (None if span.accepted is None else span.accepted.reason) == reason


@pytest.mark.parametrize(
    ("exemptions", "reason"),
    [
        ([exemption(23, 30, **OF_ACCOUNT)], "known"),
        ([exemption(2, 23, **OF_ACCOUNT)], None),
        ([exemption(2, 30, **OF_ACCOUNT), exemption(3, 20, reason="again", **OF_ACCOUNT)], "known"),
        ([exemption(2, 30, **OF_ACCOUNT), exemption(3, 30, reason="again", **OF_ACCOUNT)], "again"),
    ],
)
def test_what_somebody_is_exempt_from(exemptions: list[ReportedExemption], reason: str | None) -> None:
    """Of a violation that goes on, what is so now counts, as in reports. It fails as long as it is not accepted."""
    (criterion,) = find_framework("aws-config").control("iam-password-policy").criteria
    weak = interval(ACCOUNT, ACCOUNT, (0, None), criterion=criterion.id)
    account = told(weak, exemptions=exemptions, controls=(("aws-config", "iam-password-policy"),))[ACCOUNT]
    (span,) = account.spans
    assert (None if span.accepted is None else span.accepted.reason) == reason
    assert (account.is_violating, account.is_failing) == (True, reason is None)
