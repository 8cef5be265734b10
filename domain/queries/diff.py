"""What two values of an account differ in, and which changes made it so.

Bookkeeping is no difference: when credentials were last used, what the scheduler has told, failed attempts, in which
order pairs were made, which numbers versions had that are gone, and that a revocation is forgotten when the session
would have ended by itself. Everything else is told fact by fact (`domain.facts`).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from domain.account import Account, AccountClosed, AccountCreated, evolve
from domain.families import (
    access_keys,
    aliases,
    boundaries,
    containment,
    credential_use,
    groups,
    notices,
    organization,
    passwords,
    policies,
    roles,
    sessions,
    tags,
    users,
)
from domain.foundation.events import Entry, Event
from domain.queries.facts import AttributeValue, Fact, FactKind, FactValue, Subject, facts


@dataclass(frozen=True, slots=True)
class Difference:
    fact: Fact
    before: FactValue | None
    """None: it was not there."""
    after: FactValue | None
    made_by: tuple[Entry, ...]
    """Every change of the fact between the two values, the last one first."""

    @property
    def sentence(self) -> str:
        """In English, with the names that things had in the end; of what is gone, when it was first changed."""
        came, went = _VERBS.get(self.fact.kind, ("was created", "was deleted"))
        what = self.fact.kind.capitalize()
        if self.after is None:
            assert self.before is not None, "A fact that is at neither end does not differ."
            return f"{what} {self.before.name} {went}."
        if self.before is None:
            return f"{what} {self.after.name} {came}."
        return f"{what} {self.after.name} changed: {'; '.join(_changed(self.before, self.after))}."


_VERBS: Mapping[FactKind, tuple[str, str]] = {
    "organization": ("was joined", "was left"),
    "organization level": ("came to be above the account", "is no longer above the account"),
    "organization policy": ("was attached", "was detached"),
    "membership": ("began", "ended"),
    "attachment": ("was made", "was ended"),
    "inline policy": ("was written", "was deleted"),
    "boundary": ("was put", "was deleted"),
    "tag": ("was put", "was removed"),
    "session revocation": ("was made", "was forgotten"),
}
"""What became of a fact that was not there before, and of one that is there no more."""


def _changed(before: FactValue, after: FactValue) -> Iterator[str]:
    for name in sorted(before.said.keys() | after.said.keys()):
        was, is_ = before.said.get(name), after.said.get(name)
        if was != is_:
            yield f"{name} was {_shown(was)} and is {_shown(is_)}"
    if before.document != after.document:
        yield "its document says something else"


def _shown(value: AttributeValue) -> str:
    match value:
        case None:
            return "nothing"
        case datetime():
            return value.isoformat()
        case str() | int():
            return str(value)
        case _:
            return ", ".join(value) or "nothing"


@dataclass(frozen=True, slots=True)
class Differences:
    differing: tuple[Difference, ...]
    """In the order of the last change of each."""
    undone: int
    """So many facts were changed and were in the end what they had been."""
    stopped_at: Entry | None
    """The work was bounded: true up to this change. None where there were no more."""


def differences(before: Account, changes: Iterable[Entry], changes_max: int) -> Differences:
    """What the changes that follow made of the account, in net terms."""
    account, first, made_by = before, dict[Fact, FactValue | None](), defaultdict[Fact, list[Entry]](list)
    last, touched = dict[Fact, FactValue | None](), set[Subject]()
    entry = stopped_at = None
    for number, change in enumerate(changes):
        if number == changes_max:
            stopped_at = entry
            break
        entry, former = change, account
        account = evolve(account, change)
        for subject in changed_subjects(account.id, change.event):
            touched.add(subject)
            for fact, was, is_ in changed_facts(former, account, subject):
                first.setdefault(fact, was)
                last[fact] = is_
                made_by[fact].append(change)
    for subject in touched:
        # They say what they said; what the things in them are called may be another name since.
        last |= facts(account, subject)
    found = [
        Difference(fact, first[fact], last[fact], tuple(reversed(made)))
        for fact, made in made_by.items()
        if first[fact] != last[fact]
    ]
    found.sort(key=lambda difference: difference.made_by[0].position)
    return Differences(tuple(found), len(made_by) - len(found), stopped_at)


def changed_facts(
    before: Account, after: Account, subject: Subject
) -> Iterator[tuple[Fact, FactValue | None, FactValue | None]]:
    """The facts of a subject that say something else afterwards."""
    was, is_ = facts(before, subject), facts(after, subject)
    for fact in [*was, *(fact for fact in is_ if fact not in was)]:
        if was.get(fact) != is_.get(fact):
            yield fact, was.get(fact), is_.get(fact)


def changed_subjects(account_id: str, event: Event) -> Iterator[Subject]:  # noqa: C901, PLR0912  one case a family
    """Whose facts a change alters; nobody's where it is bookkeeping."""
    match event:
        case users.UserCreated() | users.UserUpdated() | users.UserDeleted():
            yield Subject("user", event.user_id)
        case groups.GroupCreated() | groups.GroupUpdated() | groups.GroupDeleted():
            yield Subject("group", event.group_id)
        case groups.UserAddedToGroup() | groups.UserRemovedFromGroup():
            yield Subject("user", event.user_id)
        case roles.RoleCreated() | roles.RoleUpdated() | roles.TrustPolicyReplaced() | roles.RoleDeleted():
            yield Subject("role", event.role_id)
        case (
            tags.EntityTagged()
            | tags.EntityUntagged()
            | boundaries.PermissionsBoundaryPut()
            | boundaries.PermissionsBoundaryDeleted()
            | policies.PolicyAttached()
            | policies.PolicyDetached()
            | policies.InlinePolicyPut()
            | policies.InlinePolicyDeleted()
        ):
            yield Subject(event.entity, event.entity_id)
        case (
            policies.PolicyCreated()
            | policies.PolicyVersionCreated()
            | policies.DefaultPolicyVersionSet()
            | policies.PolicyVersionDeleted()
            | policies.PolicyDeleted()
        ):
            yield Subject("policy", event.policy_arn)
        case policies.ManagedCatalogueAdopted():
            yield from (Subject("policy", version.policy_arn) for version in event.versions)
        case (
            access_keys.AccessKeyCreated()
            | access_keys.AccessKeyActivated()
            | access_keys.AccessKeyDeactivated()
            | access_keys.AccessKeyDeleted()
        ):
            yield Subject("account" if event.user_id == account_id else "user", event.user_id)
        case (
            passwords.LoginProfileCreated()
            | passwords.LoginProfileUpdated()
            | passwords.LoginProfileDeleted()
            | passwords.PasswordChanged()
        ):
            yield Subject("user", event.user_id)
        case sessions.SessionRevoked():
            yield Subject("session", event.session_id)
        case (
            AccountCreated()
            | AccountClosed()
            | aliases.AccountAliasCreated()
            | aliases.AccountAliasDeleted()
            | passwords.PasswordPolicyUpdated()
            | passwords.PasswordPolicyDeleted()
            | organization.OrganizationPoliciesApplied()
            | organization.OrganizationLeft()
        ):
            yield Subject("account", account_id)
        case (
            credential_use.CredentialUsed()
            | containment.CredentialContained()
            | notices.Notice()
            | sessions.SessionExpiriesRecorded()
            | passwords.PasswordAttemptFailed()
        ):
            return
        case other:
            raise TypeError(f"{type(other).__name__} is no change of an account.")
