"""Notices: what time has made of a credential, told once, with the rule and the facts that it follows from."""

from abc import ABC
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Literal

from immutables import Map

from domain.account import Account, Bookkeeping, Component, forget_key
from domain.credential_kinds import find_credential
from domain.facts import capitalized
from domain.foundation.credential_kind import CredentialKind, kind_title
from domain.foundation.events import Value, upcasts

DeactivationReason = Literal["idle", "overlap", "overdue"]
PolicyAction = Literal["delete", "deactivate"]
Protection = Literal["last administrator", "last working credential", "root"]
"""Why nothing automatic is done to a credential."""


class Rule(Value):
    """Which rule made a notice due: so many days after the time that the evidence names, or before it expires."""

    profile: str
    version: int
    name: str
    days: int
    override: str | None = None
    """The profile's override that the rule is of; None of its general rules."""


class LastUsed(Value):
    at: datetime
    """The beginning of the window of the last use (`USE_WINDOW` of the family credential_use)."""
    service: str
    region: str


class Evidence(Value):
    """The facts about the credential as the decision found them."""

    created_at: datetime
    """From which its age counts: of a password since when it is this password."""
    last_used: LastUsed | None = None
    """None when it was never used, or when its use is not recorded here."""
    expires_at: datetime | None = None
    successor_id: str | None = None
    """The credential that replaces it."""
    deactivated_at: datetime | None = None


Notices = Map[str, Map[str, datetime]]
_NONE: Map[str, datetime] = Map()
NOTICES = Component[Notices]("credential_notices", Map(), forget=forget_key)
"""By credential id, and by kind, what it is about and the days of the rule: the due time that was told last. Forgotten
with the credential: it has an id, or a time from which it counts, that no later one has."""


@dataclass(frozen=True, slots=True)
class PolicyDeactivation:
    at: datetime
    reason: DeactivationReason


POLICY_DEACTIVATIONS = Component[Map[str, PolicyDeactivation]]("policy_deactivations", Map(), forget=forget_key)
"""The last one by its profile of each credential, by its id."""


def is_recorded(notices: Notices, credential_id: str, key: str, due_at: datetime) -> bool:
    """Whether it has been told that this became so at that time."""
    return notices.get(credential_id, _NONE).get(key) == due_at


def without_notices(notices: Notices, credential_id: str, kind: CredentialKind) -> Notices:
    """Of a credential that is gone, where others have its id."""
    told = notices.get(credential_id, _NONE)
    rest: Map[str, datetime] = Map({key: at for key, at in told.items() if not key.startswith(f"{kind} ")})
    return notices.set(credential_id, rest) if rest else forget_key(notices, credential_id)


class CredentialEvent(Bookkeeping, ABC):
    """About a credential, by the rules of its profile."""

    credential: CredentialKind
    credential_id: str
    """The access key id, the ARN of a device or provider; of a password, user or role the unique id of whose it is."""
    owner_id: str
    """The unique id of the user or role; the account id for what is root's, the credential's own for what has no
    owner."""
    owner_name: str

    @property
    def what(self) -> str:
        """As people call it."""
        if self.credential in {"user", "role", "password"}:
            of = "The password of user" if self.credential == "password" else capitalized(self.credential)
            return f"{of} {self.owner_name}"
        owned = "" if self.credential_id == self.owner_id else f" of {self.owner_name}"
        return f"{capitalized(kind_title(self.credential))} {self.credential_id}{owned}"

    def require_credential(self, account: Account) -> None:
        if find_credential(account, self.credential, self.credential_id) is None:
            raise LookupError(f"There is no {kind_title(self.credential)} {self.credential_id}.")


class Notice(CredentialEvent, ABC):
    """A change, so that the account knows what has been told: that alone makes it happen once, however often, late or
    at how many places the scheduler runs.

    After a use, another password, or a rule of so many other days there may be a next one, at another time; when a
    former rule is in force again, what it has told before is not told again. The entry's own time says when it was
    recorded, `due_at` when it became so.
    """

    about: ClassVar[str]

    due_at: datetime
    rule: Rule
    evidence: Evidence

    @property
    def key(self) -> str:
        """Under which the account knows that it was told. For as long as a rule says so many days, what follows from it
        becomes due later and never earlier."""
        return f"{self.credential} {self.about} {self.rule.days} {self.detail}".rstrip()

    @property
    def detail(self) -> str:
        """What tells it from others of its kind that a profile has for a credential, whatever its limits are."""
        return ""

    def fold(self, account: Account, at: datetime) -> Account:
        self.require_credential(account)
        notices = account[NOTICES]
        # In older ledgers the expiry of a password is told again when a former password policy is back.
        told_before = is_recorded(notices, self.credential_id, self.key, self.due_at)
        if told_before and self.credential != "password":
            raise LookupError(f"{type(self).__name__} of {self.credential_id} was recorded before.")
        told = notices.get(self.credential_id, _NONE).set(self.key, self.due_at)
        return account.put(NOTICES, notices.set(self.credential_id, told))


class RotationWarned(Notice, topic="iam.credential.rotation_warned.v1"):
    """The credential will soon be so old that it has to be replaced."""

    about = "rotation_warned"
    rotation_due_at: datetime

    @property
    def detail(self) -> str:
        return str((self.rotation_due_at - self.due_at).days)

    def describe(self) -> str:
        return f"{self.what} will soon have to be replaced."


class RotationDue(Notice, topic="iam.credential.rotation_due.v1"):
    """The credential has reached the age at which it has to be replaced."""

    about = "rotation_due"

    def describe(self) -> str:
        return f"{self.what} has to be replaced."


class RotationOverdue(Notice, topic="iam.credential.rotation_overdue.v1"):
    """The credential should have been replaced, and the time that was given for it is over too."""

    about = "rotation_overdue"

    def describe(self) -> str:
        return f"{self.what} should have been replaced."


class RotationOverlapExceeded(Notice, topic="iam.credential.rotation_overlap_exceeded.v1"):
    """The credential has been replaced, and is still active beside its successor."""

    about = "rotation_overlap_exceeded"

    def describe(self) -> str:
        return f"{self.what} is still active {self.rule.days} days after its successor was made."


class CredentialIdle(Notice, topic="iam.credential.idle.v2"):
    """Nobody has used the credential for long; one that was never used counts from its creation."""

    about = "idle"

    def describe(self) -> str:
        if self.credential == "user":
            # Where it signs in otherwise, nothing is recorded here.
            return f"{self.what} used no access key for {self.rule.days} days."
        return f"{self.what} was not used for {self.rule.days} days."


class ExpiryWarned(Notice, topic="iam.credential.expiry_warned.v1"):
    """The credential will soon end by itself."""

    about = "expiry_warned"
    expires_at: datetime

    @property
    def key(self) -> str:
        """Of a password with the days that the account's password policy gives it."""
        policy = f" {(self.expires_at - self.evidence.created_at).days}" if self.credential == "password" else ""
        return super().key + policy

    def describe(self) -> str:
        return f"{self.what} will soon expire."


class CredentialExpired(Notice, topic="iam.credential.expired.v1"):
    """The credential has ended by itself: a certificate at its date, a password by the account's password policy."""

    about = "expired"

    def describe(self) -> str:
        return f"{self.what} expired."


class CredentialDeactivatedByPolicy(Notice, topic="iam.credential.deactivated_by_policy.v1"):
    """The credential's profile demanded it; the deactivation itself is the event behind this one."""

    about = "deactivated"
    reason: DeactivationReason

    @property
    def detail(self) -> str:
        return self.reason

    def fold(self, account: Account, at: datetime) -> Account:
        account = super().fold(account, at)
        return account.put(
            POLICY_DEACTIVATIONS,
            account[POLICY_DEACTIVATIONS].set(self.credential_id, PolicyDeactivation(at, self.reason)),
        )

    def describe(self) -> str:
        return f"{self.what} was deactivated by profile {self.rule.profile}: {self.reason}."


class CredentialDeletedByPolicy(Notice, topic="iam.credential.deleted_by_policy.v1"):
    """So long after it was deactivated by its profile that nobody misses it; the deletion is the event behind this."""

    about = "deleted"

    def describe(self) -> str:
        return f"{self.what} was deleted by profile {self.rule.profile}."


class PolicyActionWithheld(Notice, topic="iam.credential.policy_action_withheld.v1"):
    """The profile demands it, and it would lock somebody out."""

    about = "withheld"
    action: PolicyAction
    reason: DeactivationReason
    protects: Protection

    @property
    def detail(self) -> str:
        return f"{self.reason} {self.protects}"

    def describe(self) -> str:
        return f"{self.what} was not {self.action}d by profile {self.rule.profile}: it is protected ({self.protects})."


class RotationCompleted(CredentialEvent, topic="iam.credential.rotation_completed.v1"):
    """The credential has been replaced by its successor, and is deactivated or deleted."""

    successor_id: str
    """Of a credential that has no other id than its owner's, the same."""
    evidence: Evidence

    def fold(self, account: Account, at: datetime) -> Account:
        self.require_credential(account)
        return account

    def describe(self) -> str:
        return f"{self.what} was replaced by {self.successor_id}."


def _of_access_key(fields: dict[str, Any]) -> dict[str, Any]:
    """Access keys were the only credentials that had this notice."""
    return {**fields, "credential": "access_key"}


for _topic in (RotationWarned.topic, RotationDue.topic, RotationOverdue.topic):
    upcasts(_topic.replace("iam.credential.", "iam.access_key."), _topic)(_of_access_key)


@upcasts("iam.credential.idle.v1", CredentialIdle.topic)
def _named_its_kind(fields: dict[str, Any]) -> dict[str, Any]:
    """At another place."""
    return fields


@upcasts("iam.password.expired.v1", CredentialExpired.topic)
def _of_password(fields: dict[str, Any]) -> dict[str, Any]:
    return {**fields, "credential": "password"}
