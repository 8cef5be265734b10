"""Checks of the operator's own: modules that a setting names."""

from pathlib import Path

import pytest

from domain.compliance import check
from domain.compliance.frameworks import load_checks
from projections.tables import compliance
from services.compliance_checks import load_own_checks
from services.settings import InvalidSetting, read_settings

MODULE = """
from domain.compliance.check import check, violated
from domain.families.users import USERS


@check(of="user", reads=[USERS], title="t", rationale="r", remediation="r", severity="low")
def user_called_ann(account, holder_id, *, name: str = "ann"):
    yield violated(holder_id, account[USERS].by_id[holder_id].name == name)
"""


@pytest.fixture(autouse=True)
def _declared(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What a test declares is gone afterwards."""
    load_checks()
    monkeypatch.setattr(check, "_checks", dict(check._checks))
    monkeypatch.syspath_prepend(tmp_path)


def test_a_module_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "own_checks_one.py").write_text(MODULE)
    load_own_checks(read_settings({"MUNIMENT_COMPLIANCE_CHECKS": " own_checks_one,"}).compliance_checks)
    assert check.find_check("user_called_ann").parameters({}) == {"name": "ann"}


def test_tables_that_own_checks_make(tmp_path: Path) -> None:
    """Are told from those that others make, and are no work of another version of the program."""
    before = compliance.version.__wrapped__(), compliance.addition.__wrapped__()
    seen = set()
    for version in (1, 2):
        name = f"own_checks_version{version}"
        text = MODULE.replace("user_called_ann", name).replace("severity", f"version={version}, severity")
        (tmp_path / f"{name}.py").write_text(text)
        load_own_checks([name])
        assert compliance.version.__wrapped__() == before[0]
        seen.add(compliance.addition.__wrapped__())
    assert before[1] == ""
    assert len(seen) == 2
    assert "" not in seen


@pytest.mark.parametrize(
    ("module", "text", "said"),
    [
        ("own_checks_missing", None, "own_checks_missing, which cannot be imported: ModuleNotFoundError"),
        ("own_checks_broken", "def", "which cannot be imported: SyntaxError"),
        ("own_checks_twice", MODULE.replace("user_called_ann", "root_used"), "There is a check root_used already."),
        ("own_checks_type", MODULE.replace(": str", ""), "The parameter name of the check user_called"),
        ("own_checks_noun", MODULE.replace('of="user"', 'of="usr"'), "There is no kind of entity usr."),
    ],
)
def test_modules_that_cannot_be_meant(tmp_path: Path, module: str, text: str | None, said: str) -> None:
    """The setting is named, and what is wrong."""
    if text is not None:
        (tmp_path / f"{module}.py").write_text(text)
    with pytest.raises(InvalidSetting, match="MUNIMENT_COMPLIANCE_CHECKS") as refused:
        load_own_checks([module])
    assert said in str(refused.value)


def test_names_that_are_none() -> None:
    with pytest.raises(InvalidSetting, match=r"takes names of Python modules; got '/etc/checks\.py'"):
        read_settings({"MUNIMENT_COMPLIANCE_CHECKS": "/etc/checks.py"})
