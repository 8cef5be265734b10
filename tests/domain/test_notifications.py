"""Which notification targets there may be, and what each is told."""

from dataclasses import replace

import pytest

from domain.families.access_keys import AccessKeyCreated
from domain.families.leak_reports import CredentialReportedLeaked
from domain.families.notices import CredentialEvent, CredentialIdle, Evidence, RotationDue, Rule
from domain.families.notifications import NOTIFICATION_TARGETS, TargetDefinition, TargetKind
from domain.families.passwords import RootLoginProfileCreated
from domain.families.policies import PolicyAttached
from domain.families.roles import RoleDeleted
from domain.families.tags import EntityTagged
from domain.families.user_credentials import UserCredentialDeactivated
from domain.families.users import UserCreated
from domain.foundation.email_addresses import is_email_address
from domain.foundation.errors import EntityAlreadyExists, LimitExceeded, NoSuchEntity, ValidationError
from domain.foundation.events import current_topic, event_classes
from domain.installation import Installation, OperatorTargetTested
from domain.rules import notifications
from tests.domain.accounts import ACCOUNT, AT, after, new_account, with_role, with_users

MAIL = TargetDefinition("email", "ann@example.com")
RULE = Rule(profile="default", version=1, name="any", days=45)
ABOUT = {"due_at": AT, "rule": RULE, "evidence": Evidence(created_at=AT)}


def idle(name: str = "ann") -> CredentialIdle:
    owner = {"owner_id": f"AIDA{name}", "owner_name": name}
    return CredentialIdle(credential="access_key", credential_id=f"AKIA{name}", **owner, **ABOUT)


@pytest.mark.parametrize(
    ("kind", "fit", "unfit"),
    [
        (
            "webhook",
            ["https://example.com", "https://example.com:8443/a?b=c", "http://127.0.0.1:80/", "http://localhost/x"],
            [
                "http://example.com/", "ftp://example.com/", "https://", "https://u:p@example.com/", "//example.com",
                "https://example.com/#x", "https://exa mple.com/", "https://example.com/\r\nX: y", "https://[::1/",
                "https://example.com:0/", "https://ex\u00e4mple.com/", "https://example.com/" + "x" * 2_048,
            ],
        ),
        (
            "email",
            ["ann@example.com", "a.b+c@x-y.example", "root@localhost"],
            [
                "ann", "@example.com", "ann@", "a b@example.com", "ann@example.com\r\nBcc: eve@example.com",
                "Ann <ann@example.com>", "ann@example..com", ".ann@example.com", "ann@-example.com", '"a"@example.com',
                "a@b@example.com", "ann@example.com,eve@example.com", "a" * 65 + "@example.com", "ann@" + "a." * 130,
            ],
        ),
        ("email_owner", ["owner", "team:mail"], ["x" * 129, "a\nb"]),
        ("file", ["/var/log/events"], ["events", "/var/log/", "/a\nb"]),
        ("command", ["/bin/cat -", "/bin/sh -c 'cat > x'"], ["cat", "/bin/sh 'open", "", "/bin/\x00"]),
    ],
)  # fmt: skip
def test_destinations(kind: TargetKind, fit: list[str], unfit: list[str]) -> None:
    """Each kind takes what it can reach and refuses everything else, whatever may hide in it; a name of two lines
    least of all."""

    def added(text: str) -> TargetDefinition:
        return notifications.add_operator_target(
            Installation(), target_id="N", name="t", definition=TargetDefinition(kind, text), of_account_id=None
        ).definition

    for text in fit:
        assert added(text) == TargetDefinition(kind, text)
    for text in unfit:
        with pytest.raises(ValidationError, match="Expected"):
            added(text)


def test_what_is_on_the_server_is_the_operators() -> None:
    for kind, place in (("file", "/var/log/events"), ("command", "/bin/cat")):
        with pytest.raises(ValidationError, match="--local"):
            notifications.add_target(
                new_account(),
                target_id="N",
                name="t",
                definition=TargetDefinition(kind, place),  # type: ignore[arg-type]
            )


def test_names_and_how_many() -> None:
    account = new_account()
    for number in range(notifications.TARGETS_MAX):
        added = notifications.add_target(account, target_id=f"NTGT{number}", name=f"t{number}", definition=MAIL)
        account = after(account, added)
    with pytest.raises(EntityAlreadyExists):
        notifications.add_target(account, target_id="N", name="t0", definition=MAIL)
    with pytest.raises(LimitExceeded):
        notifications.add_target(account, target_id="N", name="more", definition=MAIL)
    with pytest.raises(ValidationError, match="name"):
        notifications.add_target(new_account(), target_id="N", name="a b", definition=MAIL)
    with pytest.raises(NoSuchEntity):
        notifications.remove_target(account, name="other")
    account = after(account, notifications.remove_target(account, name="t0"))
    assert "t0" not in account[NOTIFICATION_TARGETS]
    with pytest.raises(NoSuchEntity):
        notifications.tested_target(account, name="t0", owner_id=ACCOUNT)


@pytest.mark.parametrize(
    ("definition", "told"),
    [
        (replace(MAIL, events=("Rotatoin*",)), "The nearest is RotationDue"),
        (replace(MAIL, events=("ApiCalled",)), "No event is called"),
        (replace(MAIL, events=("*",) * 21), "At most 20"),
        (replace(MAIL, events=("x" * 101,)), "At most 20"),
        (replace(MAIL, credential_kinds=("acess_key",)), "The nearest is access_key"),
    ],
)
def test_what_would_never_be_told(definition: TargetDefinition, told: str) -> None:
    """A pattern that no event has, or a kind of credential that there is not, is a mistake and not a silence."""
    with pytest.raises(ValidationError, match=told):
        notifications.add_target(new_account(), target_id="N", name="t", definition=definition)


def test_an_owner_that_is_not_there_is_a_mistake() -> None:
    """And no silence for ever; a user or role goes by name or id, and root is the account, as its events have it."""
    account = with_role(with_users(new_account(), "ann"), "worker")
    for owner, kept in (("ann", "ann"), ("AIDAann", "AIDAann"), ("worker", "worker"), ("root", ACCOUNT)):
        definition = replace(MAIL, owner=owner)
        added = notifications.add_target(account, target_id="N", name="t", definition=definition)
        assert added.definition.owner == kept
    for owner in ("anna", "AIDAbob"):
        with pytest.raises(NoSuchEntity, match=owner):
            notifications.add_target(account, target_id="N", name="t", definition=replace(MAIL, owner=owner))


def test_what_is_told() -> None:
    """Unless something was chosen, every notice there is, and nothing else; of what was chosen, what is about the owner
    and the kind of credential that the filter names. A target's own test always, another's never."""
    notices = {event.topic for event in event_classes().values() if issubclass(event, CredentialEvent)}
    told = {current_topic(topic) for topic in notifications.topics_told(MAIL, to_operator=False)}
    assert notices < told
    assert {event_classes()[topic].__name__ for topic in told - notices} == {
        "NotificationTargetTested", "ExemptionExpired", "CredentialReportedLeaked", "NotificationTargetRemoved",
        "ComplianceViolationOpened", "ComplianceViolationClosed",
    }  # fmt: skip
    created = AccessKeyCreated(access_key_id="AKIAann", user_id="AIDAann", user_name="ann")
    made = UserCreated(user_id="AIDAann", user_name="ann", path="/")
    named = {"credential_id": "APKA1", "user_id": "AIDAann", "user_name": "ann"}
    deactivated = UserCredentialDeactivated(credential="SSH public key", **named)
    leaked = CredentialReportedLeaked(credential_id="AKIA1", owner_id="AIDAann", owner_name="ann", reporter="operator")
    role = RoleDeleted(role_id="AROAann", role_name="ann")
    attached = PolicyAttached(
        entity="user", entity_id="AIDAann", entity_name="ann", policy_id="ANPA1", policy_arn="arn:aws:iam::aws:policy/X"
    )
    root = RootLoginProfileCreated.model_construct(user_id=ACCOUNT, user_name="root")
    keys = replace(MAIL, events=("AccessKey*", "CredentialIdle"))
    cases = [
        (MAIL, idle(), True), (MAIL, created, False), (MAIL, made, False),
        (keys, idle(), True), (keys, created, True), (keys, made, False),
        (replace(MAIL, owner="ann"), idle(), True), (replace(MAIL, owner="AIDAann"), idle(), True),
        (replace(MAIL, owner="ann"), idle("bob"), False), (replace(keys, owner="ann"), created, True),
        (replace(MAIL, credential_kinds=("access_key",)), idle(), True),
        (replace(MAIL, credential_kinds=("password",)), idle(), False),
        (replace(keys, credential_kinds=("access_key",)), created, True),
        (replace(MAIL, events=("User*",), credential_kinds=("ssh_public_key",)), deactivated, True),
        (replace(MAIL, credential_kinds=("access_key",)), leaked, True),
        (replace(MAIL, events=("Role*",), owner="ann"), role, True),
        (replace(MAIL, events=("Policy*",), owner="AIDAann"), attached, True),
        (replace(MAIL, events=("Policy*",), owner="ann"), attached.model_copy(update={"entity": "group"}), False),
        (replace(MAIL, events=("Root*",), credential_kinds=("password",)), root, True),
    ]  # fmt: skip
    assert [notifications.is_told("N", definition, event) for definition, event, _ in cases] == [
        expected for *_, expected in cases
    ]
    test = OperatorTargetTested(target_id="N", target_name="t")
    assert notifications.is_told("N", replace(MAIL, owner="ann"), test)
    assert not notifications.is_told("M", MAIL, test)


def test_the_owner_s_address() -> None:
    """It is in the tag, in whatever case the key is; a user without the tag has none, nor one whose tag is no
    address."""
    account = after(
        new_account(),
        UserCreated(user_id="AIDAann", user_name="ann", path="/"),
        EntityTagged(
            entity="user", entity_id="AIDAann", entity_name="ann", tags={"Owner": "ann@example.com", "o": "x"}
        ),
    )
    assert notifications.owner_address(account, "AIDAann", "owner") == "ann@example.com"
    assert notifications.owner_address(account, "AIDAann", "o") is None
    assert notifications.owner_address(account, "AIDAbob", "owner") is None
    assert notifications.owner_id_of(idle()) == "AIDAann"
    assert notifications.owner_id_of(OperatorTargetTested(target_id="N", target_name="t")) is None


def test_addresses_in_no_time() -> None:
    """However long the text and whatever it repeats."""
    for text in ("a" * 100_000, "a." * 50_000 + "@", "a@" + "a." * 50_000, "a@" + "-" * 100_000):
        assert not is_email_address(text)


def test_rotation_due_is_one_of_them() -> None:
    assert RotationDue.topic in notifications.topics_told(replace(MAIL, events=("Rotation?ue",)), to_operator=False)
