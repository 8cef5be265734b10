"""What keeps a profile from deactivating a credential: root, the last administrator, the last one that works."""

from functools import partial

from domain.families.access_keys import AccessKeyCreated, AccessKeyDeactivated
from domain.families.containment import LineageContained
from domain.families.notices import CredentialDeactivatedByPolicy, PolicyActionWithheld, RotationDue, RotationOverdue
from domain.families.passwords import LoginProfileCreated
from domain.families.policies import PolicyAttached
from domain.families.user_credentials import ServiceSpecificCredentialCreated
from domain.queries.protected_credentials import protection
from domain.rules import access_keys, key_rotations
from domain.rules.lifecycle import LifecycleCandidates, due_events, next_wake
from tests.domain.accounts import ACCOUNT, ADMINISTRATOR_ACCESS, AT, after, new_account, with_users
from tests.domain.test_lifecycle_rules import ANN, DAY, DEACTIVATING, ann, due, key, profile, recorded, withheld


def test_the_last_working_credential_stays() -> None:
    """It is told once that the action was withheld; when there is another credential, it is done."""
    account, events = recorded(ann(DEACTIVATING, key("1")), AT + 90 * DAY)
    assert [type(event) for event in events] == [RotationDue, RotationOverdue, PolicyActionWithheld]
    assert isinstance(events[-1], PolicyActionWithheld)
    assert events[-1].protects == "last working credential"
    account, events = recorded(account, AT + 91 * DAY)
    assert events == []
    password = LoginProfileCreated(user_id=ANN, user_name="ann", password_id="AIPW1", reset_required=False)
    _, events = recorded(after(account, password), AT + 92 * DAY)
    assert [type(event) for event in events] == [CredentialDeactivatedByPolicy, AccessKeyDeactivated]
    both = after(ann(DEACTIVATING, key("1")), key("2"), at=AT + DAY)
    _, events = recorded(both, AT + 200 * DAY)
    assert [event.access_key_id for event in events if isinstance(event, AccessKeyDeactivated)] == ["AKIA1"]


def test_what_nobody_can_use_stands_in_for_nothing() -> None:
    """A key that is contained, or was handed over to nobody yet, keeps the other from being deactivated, and has
    replaced nothing; so does what one service alone takes, but for its like."""
    alone = ann(DEACTIVATING, key("1"))
    rotating = key_rotations.start(
        alone, user_id=ANN, old_access_key_id=None, new_access_key_id="AKIA2", replaces=None, observe_days=7
    )
    made = after(alone, *rotating, at=AT + DAY)
    contained = after(alone, key("2"), LineageContained(seed="AKIA2", seed_owner=ANN), at=AT + DAY)
    named = {"credential_id": "ACCA1", "user_id": ANN, "user_name": "ann"}
    codecommit = ServiceSpecificCredentialCreated(**named, service_name="s", service_user_name="n", secret_id="1")
    for account in (made, contained, after(alone, codecommit)):
        assert set(withheld(due(account, AT + 90 * DAY))) == {"last working credential"}
        old = {"user_id": ANN, "access_key_id": "AKIA1"}
        assert len(access_keys.update_access_key(account, status="Inactive", **old)) == 1
    handed_over = key_rotations.hand_over(made, user_id=ANN, new_access_key_id="AKIA2", to="file")
    assert withheld(due(after(made, *handed_over), AT + 90 * DAY)) == []


def test_root_and_the_last_administrator_stay() -> None:
    """Whatever else they have; with another administrator's key the administrator's goes."""
    root = AccessKeyCreated(access_key_id="AKIAR", user_id=ACCOUNT, user_name=ACCOUNT)
    password = LoginProfileCreated(user_id=ANN, user_name="ann", password_id="AIPW1", reset_required=False)
    attached = {
        "entity": "user",
        "entity_id": ANN,
        "entity_name": "ann",
        "policy_arn": ADMINISTRATOR_ACCESS,
        "policy_id": "ANPA",
    }
    admin = after(ann(DEACTIVATING, key("1"), password), PolicyAttached.model_validate(attached))
    assert withheld(due(admin, AT + 90 * DAY)) == ["last administrator"]
    assert next_wake(recorded(admin, AT + 90 * DAY)[0], ANN, AT + 90 * DAY) == AT + 91 * DAY
    with_root = after(admin, root)
    assert AccessKeyDeactivated in {type(event) for event in due(with_root, AT + 90 * DAY).events}
    assert withheld(due(with_root, AT + 90 * DAY, ACCOUNT)) == ["root"]


def test_many_administrators_are_asked_about_at_once() -> None:
    """Whoever keeps whom it has found decides the same: all but one of them are deactivated."""
    names = [f"admin{number}" for number in range(4)]
    account = after(with_users(new_account(), *names), profile(DEACTIVATING))
    for name in names:
        named = {"user_id": f"AIDA{name}", "user_name": name}
        password = LoginProfileCreated(**named, password_id=f"AIPW{name}", reset_required=False)
        attached = {"entity": "user", "entity_id": f"AIDA{name}", "entity_name": name, "policy_id": "ANPA"}
        attached["policy_arn"] = ADMINISTRATOR_ACCESS
        account = after(account, key(name, name), password, PolicyAttached.model_validate(attached))
    candidates = LifecycleCandidates([f"AIDA{name}" for name in names])
    alone = due_events(account, candidates, AT + 90 * DAY, protection)
    together = due_events(account, candidates, AT + 90 * DAY, partial(protection, administrators=set()))
    assert alone.events == together.events
    assert withheld(together) == ["last administrator"]
    assert [type(event) for event in together.events].count(AccessKeyDeactivated) == 3
