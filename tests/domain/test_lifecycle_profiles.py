"""Lifecycle profiles: which is in force, whom it concerns, and what is refused."""

import json
from dataclasses import replace

import pytest

from domain.families.lifecycle_profiles import LIFECYCLE_PROFILE
from domain.families.notices import Notice, RotationDue, RotationOverdue
from domain.families.organization import Level, OrganizationMembership, OrganizationPoliciesApplied
from domain.families.tags import EntityTagged
from domain.families.users import UserCreated
from domain.foundation.errors import Refusal, ValidationError
from domain.rules.leak_reports import on_compromise
from domain.rules.lifecycle_profiles import BUILT_IN_PROFILES, profile_in_force, read_profile, refuse_unfit, set_profile
from tests.domain.accounts import ACCOUNT, AT, after, new_account, with_users
from tests.domain.test_lifecycle_rules import ANN, DAY, ann, due, key, profile, recorded, told


def test_the_nearest_profile_is_in_force() -> None:
    """The account's own before its unit's, that before the root's, and the built-in default where there is none."""
    account = with_users(new_account(), "ann")
    assert profile_in_force(account) == (BUILT_IN_PROFILES["default"], "built-in")
    root = Level("r-1", "Root", (), (), BUILT_IN_PROFILES["cis-5.0"])
    levels = (root, Level("ou-1-1", "unit", (), ()), Level(ACCOUNT, "own", (), ()))
    account = after(account, OrganizationPoliciesApplied(membership=OrganizationMembership("o-1", "1", levels)))
    assert profile_in_force(account) == (BUILT_IN_PROFILES["cis-5.0"], "r-1")
    unit = (root, replace(levels[1], lifecycle_profile=BUILT_IN_PROFILES["pci-4.0"]), levels[2])
    account = after(account, OrganizationPoliciesApplied(membership=OrganizationMembership("o-1", "1", unit)))
    assert profile_in_force(account) == (BUILT_IN_PROFILES["pci-4.0"], "ou-1-1")
    account = after(account, *set_profile(account, BUILT_IN_PROFILES["nist-800-63b"]))
    assert profile_in_force(account) == (BUILT_IN_PROFILES["nist-800-63b"], ACCOUNT)


def test_versions() -> None:
    """Other rules under a name are its next version; the same ones are no event; what was set before has its version
    again; built-in names are taken."""
    account = new_account()
    versions = []
    for age in (90, 60, 60, 90):
        changes = set_profile(account, profile({"access_key": {"max_age_days": age}}).profile)
        account = after(account, *changes)
        own = account[LIFECYCLE_PROFILE]
        assert own is not None
        versions.append((len(changes), own.version))
    assert versions == [(1, 1), (1, 2), (0, 2), (1, 3)]
    with pytest.raises(ValidationError, match="built-in"):
        set_profile(account, profile({}, name="cis-5.0").profile)


def test_built_in_profiles_record_alone() -> None:
    """And they are fit."""
    for built_in in BUILT_IN_PROFILES.values():
        refuse_unfit(built_in)
        for rules in built_in.rules.values():
            assert {rules.when_overdue.action, rules.when_idle.action} == {"record"}
            assert rules.on_compromise is None
    assert "max_age_days" not in BUILT_IN_PROFILES["nist-800-63b"].model_dump_json(exclude_none=True)


DEACTIVATE = {"action": "deactivate"}


def test_a_version_of_a_unit_is_taken() -> None:
    """A name and a version are one set of rules, whoever has set them: a finding says no more."""
    of_unit = profile({"access_key": {"max_age_days": 90}}).profile
    levels = (Level("r-1", "Root", (), (), of_unit), Level(ACCOUNT, "own", (), ()))
    membership = OrganizationMembership("o-1", "1", levels)
    account = after(new_account(), OrganizationPoliciesApplied(membership=membership))
    other = profile({"access_key": {"max_age_days": 30}}).profile
    assert [[each.profile.version for each in set_profile(account, given)] for given in (of_unit, other)] == [[1], [2]]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("{", "not JSON"),
        ("[]", "JSON object"),
        ({"acess_key": {}}, "acess_key"),
        ({"access_key": {"max_age": 90}}, "max_age"),
        ({"access_key": {"max_age_days": 0}}, "max_age_days"),
        ({"name": "Team", "rules": {}}, "name"),
        ({"password": {"max_idle_days": 45}}, "not recorded here"),
        ({"role": {"max_age_days": 45}}, "no such rule for a role"),
        ({"access_key": {"warn_before_days": [14]}}, "expected max_age_days"),
        ({"access_key": {"max_age_days": 9, "warn_before_days": [9]}}, "fewer days"),
        ({"password": {"max_age_days": 9, "when_overdue": DEACTIVATE}}, "cannot be"),
        ({"access_key": {"when_idle": DEACTIVATE}}, "expected a limit"),
        ({"access_key": {"max_age_days": 9, "when_overdue": {"delete_after_days": 3}}}, "deactivated"),
        ({"password": {"on_compromise": "contain"}}, "not reported here"),
        ({"access_key": {"basis": "a\0"}}, "basis: expected a text without control"),
        ({"name": "team", "rules": {}, "description": "\x9b31m"}, "description: expected a text without control"),
        (
            {
                "name": "team",
                "rules": {},
                "overrides": [{"name": "o", "tag": {"key": "k", "value": "\0"}, "rules": {}}],
            },
            "tag.value: expected a text without control",
        ),
        ({"name": "team", "rules": {}, "overrides": [{"name": "o", "rules": {}}]}, "path, a tag or both"),
        ({"name": "team", "rules": {}, "overrides": [{"name": "o", "path": "x", "rules": {}}]}, "slash"),
    ],
)
def test_profiles_that_are_refused(given: object, said: str) -> None:
    """Each with what is wrong and where."""
    if isinstance(given, dict) and "rules" not in given:
        given = {"name": "team", "rules": given}
    with pytest.raises(Refusal, match=said):
        read_profile(given if isinstance(given, str) else json.dumps(given))


def test_a_profile_is_bounded() -> None:
    """Before it is read."""
    with pytest.raises(Refusal, match="16384 characters"):
        read_profile(" " * 16_385)


def test_overrides_by_path_and_tag() -> None:
    """The first that fits and names the kind; a tag that comes later counts from then on, in whatever case of a user's
    its key is written."""
    overrides = [
        {"name": "robots", "path": "/service/", "rules": {"access_key": {"max_age_days": 30}}},
        {"name": "prod", "tag": {"key": "Tier", "value": "prod"}, "rules": {"access_key": {"max_age_days": 60}}},
        {"name": "roles", "path": "/", "rules": {"role": {"max_idle_days": 1}}},
    ]
    account = ann({"access_key": {"max_age_days": 90}}, key("1"), overrides=overrides)
    robot = UserCreated(user_id="AIDAbot", user_name="bot", path="/service/ci/")
    account = after(account, robot, key("2", "bot"))
    _, events = recorded(account, AT + 30 * DAY, ANN, "AIDAbot")
    assert [(event.owner_name, event.rule.override) for event in events if isinstance(event, Notice)] == [
        ("bot", "robots")
    ] * 2
    tagged = EntityTagged(entity="user", entity_id=ANN, entity_name="ann", tags={"TIER": "prod"})
    assert told(due(account, AT + 60 * DAY).events) == []
    assert told(due(after(account, tagged), AT + 60 * DAY).events) == [(RotationDue, 60), (RotationOverdue, 60)]


def test_an_override_leaves_compromise_to_the_general_rules() -> None:
    """Unless it says what is done then: whoever makes a rule of age stricter means nothing else by it."""
    overrides: list[dict[str, object]] = [
        {"name": "robots", "path": "/", "rules": {"access_key": {"max_age_days": 30}}}
    ]
    general = {"access_key": {"max_age_days": 90, "on_compromise": "contain"}}
    assert on_compromise(ann(general, key("1"), overrides=overrides), ANN) == "contain"
    overrides[0]["rules"] = {"access_key": {"on_compromise": "record"}}
    assert on_compromise(ann(general, key("1"), overrides=overrides), ANN) == "record"
    assert on_compromise(ann({}, key("1")), ANN) == "record"
