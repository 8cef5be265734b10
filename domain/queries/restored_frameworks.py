"""How compliance frameworks whose adoption a lineage may have altered are told, and how they are put back."""

from collections.abc import Iterator

from domain.account import Account, AccountChange
from domain.families.compliance_frameworks import (
    COMPLIANCE_FRAMEWORKS,
    ComplianceFrameworkAdopted,
    ComplianceFrameworkDropped,
)
from domain.lineage_kinds import SettingDelta
from domain.queries.setting_rows import SettingRow


def _framework(delta: SettingDelta, former: Account) -> Iterator[AccountChange]:
    before = former[COMPLIANCE_FRAMEWORKS].get(delta.subject_id)
    if before is None:
        yield ComplianceFrameworkDropped(framework_name=delta.subject_id)
    else:
        yield ComplianceFrameworkAdopted(
            framework_name=before.name, framework_version=before.version, definition=before.definition
        )


def _text(account: Account, _account_id: str, name: str) -> str | None:
    adopted = account[COMPLIANCE_FRAMEWORKS].get(name)
    return None if adopted is None else f"adopted in version {adopted.version}"


FRAMEWORK_ROWS = {
    "compliance_framework": SettingRow(lambda _account, _id, name: f"compliance framework {name}", _text, _framework)
}
"""By the kind of the lineage's nodes."""
