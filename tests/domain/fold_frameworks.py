"""What is said of compliance frameworks where folding is measured."""

from collections.abc import Callable, Iterator

from domain.families.compliance_frameworks import RecordedViolations
from domain.foundation.events import Change
from tests.domain.accounts import AT
from tests.framework_steps import own_framework

TOPIC = "account.compliance_framework"
FIELDS: dict[str, object] = {
    "asked": ("digest",),
    "by_time": False,
    "closed_at": AT,
    "closed_position": 1,
    "controls": ("house/1",),
    "criterion": "access_key_age(days=3)",
    "framework_name": "house0",
    "framework_version": "3",
    "opened_at": AT,
    "opened_position": 1,
    "recorded": RecordedViolations(up_to=AT),
    "severity": "high",
    "subject_id": "AKIA0",
    "title": "t",
}
CASES: dict[str, dict[str, object]] = {
    f"{TOPIC}.adopted.v1": {"definition": own_framework("new", 3), "framework_name": "new"},
    "account.exemption.granted.v1": {"exemption_id": "Xnew"},
}


def framework_history(event: Callable[..., Change], i: object) -> Iterator[Change]:
    name = f"house{i}"
    yield event(f"{TOPIC}.adopted.v1", definition=own_framework(name, 3), framework_name=name)
