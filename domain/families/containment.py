"""Containment: what is done to a credential that has leaked and to all that it gave birth to, and what is to be known
for that."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Literal, NamedTuple

from immutables import Map

from domain.account import Account, AffectsNobody, Bookkeeping, Component
from domain.altered_settings import AlteredSetting
from domain.descent import DESCENTS, Descent, counted, known_descent, written
from domain.facts import Fact, FactKind, FactValue, tells_facts
from domain.foundation.events import Entry, upcasts
from domain.foundation.moments import AsOf

CONTAINED_POLICY_NAME = "MunimentContained"
"""The name of the inline policy that users and roles get. Whoever may change their policies can lift it."""
CONTAINED_DOCUMENT = '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}'
CONTAINED_SHA256 = sha256(CONTAINED_DOCUMENT.encode()).hexdigest()


class CredentialContained(Bookkeeping, topic="account.credential.contained.v2"):
    """What one containment did in this account; beside it stand the events that did it, which fold."""

    seed: str
    """As it was named: a key or session id, a name, or an ARN, perhaps of another account."""
    reason: str | None = None
    denied: tuple[str, ...]
    """Unique ids of users and roles that may do nothing from here on."""
    deactivated: tuple[str, ...]
    """Ids of access keys, SSH public keys, signing certificates and service-specific credentials."""
    revoked: tuple[str, ...]
    """Session ids."""
    restored: tuple[str, ...] = ()
    """What was put back as it had been before the lineage changed it, in words."""
    compromised_since: datetime | None = None
    """The earliest moment at which the credential may have been in other hands; None for as long as it is."""

    def fold(self, account: Account, at: datetime) -> Account:
        return account

    def describe(self) -> str:
        return (
            f"Credential {self.seed} was contained with all its descendants: {len(self.denied)} users and "
            f"roles were denied everything, {len(self.deactivated)} access keys deactivated, {len(self.revoked)} "
            "sessions revoked."
        )


@upcasts("account.credential.contained.v1", CredentialContained.topic)
def _restored_nothing(fields: dict[str, Any]) -> dict[str, Any]:
    """Before there was anything to restore, or a moment to begin at."""
    return fields


@dataclass(frozen=True, slots=True)
class ContainedLineage:
    """Nothing of it is honoured."""

    seed: str
    """A credential by its access key id, a user or role by its unique id, root by the account id."""
    seed_owner: str | None
    """Whose credential the seed is."""
    since: datetime | None
    """What the seed had made before is not of it; None: all that it has ever made is."""
    spared: tuple[str, ...]
    """Ids, like the seed's, of credentials, users and roles that are honoured with all that they have made."""
    position: int
    """From which on nothing of it is honoured."""

    def holds(self, descent: Descent) -> bool:
        """Whether what descends so is of it. Where it cannot be told any more, it is."""
        if descent.is_cut:
            return descent.known.isdisjoint(self.spared)
        return descent.leads_to(self.seed, self.since, self.spared, self.seed_owner)


CONTAINED_LINEAGES = Component[Map[str, ContainedLineage]]("contained_lineages", Map(), ids=lambda lineages: lineages)
"""By their seeds."""
CONTAINED_LINEAGES_MAX = 1_000
"""Of an account. Whoever wants to contain more releases some."""
REACHED_ACCOUNTS = Component[Map[str, datetime]]("reached_accounts", Map())
"""Other accounts that sessions were ever issued into from this one, with when that was first."""
CONTAINED_FACT = FactKind("contained lineage", "was contained", "was released")


@tells_facts
def _facts(account: Account, subject: str) -> Iterator[tuple[Fact, FactValue]]:
    lineage = account[CONTAINED_LINEAGES].get(subject)
    if lineage is not None:
        said = {"compromised_since": lineage.since, "spared": lineage.spared}
        yield Fact(CONTAINED_FACT, subject), FactValue(f"lineage of {subject}", said)


def containing(account: Account, descent: Callable[[], Descent]) -> ContainedLineage | None:
    """The contained lineage to which it belongs; None where it belongs to none."""
    lineages = account[CONTAINED_LINEAGES]
    if not lineages:
        return None
    of = descent()
    known, groups = of.known, of.groups
    if groups or of.is_cut:
        candidates = [
            each for each in lineages.values() if of.is_cut or {each.seed, each.seed_owner} & (known | groups)
        ]
    else:
        candidates = [lineages[each] for each in known if each in lineages]
    return next((lineage for lineage in candidates if lineage.holds(of)), None)


class ContainmentChange(AffectsNobody):
    """Who acts with what is asked before any policy is."""

    seed: str
    subject = "seed"


class LineageContained(ContainmentChange, topic="account.lineage.contained.v1"):
    """From here on nothing is honoured that descends from the seed, whatever and however much it is."""

    seed_owner: str | None = None
    compromised_since: datetime | None = None
    spared: tuple[str, ...] = ()
    reason: str | None = None
    sentence = "The lineage of {seed} was contained."

    def fold(self, account: Account, at: datetime) -> Account:
        return self._contained(account, account.position + 1)

    def fold_entry(self, account: Account, entry: Entry) -> Account:
        return self._contained(account, entry.position)

    def _contained(self, account: Account, position: int) -> Account:
        """Contained twice it is contained as the one or as the other says."""
        since, spared = self.compromised_since, self.spared
        former = account[CONTAINED_LINEAGES].get(self.seed)
        owner = self.seed_owner
        if former is not None:
            owner = owner or former.seed_owner
            since = None if since is None or former.since is None else min(since, former.since)
            spared = tuple(each for each in spared if each in former.spared)
        lineage = ContainedLineage(self.seed, owner, since, spared, former.position if former else position)
        return account.put(CONTAINED_LINEAGES, account[CONTAINED_LINEAGES].set(self.seed, lineage))


class LineageReleased(ContainmentChange, topic="account.lineage.released.v1"):
    """What descends from the seed is honoured again, as far as nothing else has ended it."""

    reason: str | None = None
    sentence = "The lineage of {seed} was released."

    def fold(self, account: Account, at: datetime) -> Account:
        return account.put(CONTAINED_LINEAGES, account[CONTAINED_LINEAGES].delete(self.seed))


class AccountReached(Bookkeeping, topic="account.reached.v1"):
    """The first session into another account was issued from here: what descends from here may be there, too."""

    reached: str
    sentence = "The first session into account {reached} was issued."

    def fold(self, account: Account, at: datetime) -> Account:
        return account.put(REACHED_ACCOUNTS, account[REACHED_ACCOUNTS].set(self.reached, at))


class DescentRecorded(Bookkeeping, topic="account.descent.recorded.v1"):
    """From what something descends that a session has made: the account knows no sessions."""

    descendant_id: str
    descent: Descent
    sentence = "The descent of {descendant_id} was recorded."

    def fold(self, account: Account, at: datetime) -> Account:
        """The makers that were not known to the account have made one more, too."""
        former = known_descent(account, self.descendant_id)
        if self.descent.links[:1] and self.descent.links[0].of is None and former is not None:
            account = counted(account, self.descent.known - former.known, at)
        return account.put(DESCENTS, account[DESCENTS].set(self.descendant_id, written(self.descent)))


DescendantKind = Literal["user", "role", "access_key", "credential", "session"]


@dataclass(frozen=True, slots=True)
class Descendant:
    """The seed, or what was born of it, as far as somebody can act with it or as it."""

    account_id: str
    kind: DescendantKind
    id: str
    owner_id: str
    """Whose permissions count: itself, of a user or role; the account's id for root."""
    access_key_id: str | None
    expires_at: datetime | None
    """Of a session."""
    parent_account_id: str | None
    """None of the seed."""


class Seed(NamedTuple):
    """Of a lineage."""

    id: str
    """As `ContainedLineage` has it."""
    owner_id: str | None


@dataclass(frozen=True, slots=True)
class LineageQuery:
    """What only the tables can tell: which sessions and keys there are, no account's value says in whole."""

    account_id: str
    """The seed's."""
    seed: str
    asked_at: datetime
    compromised_since: AsOf | None = None
    spared: tuple[str, ...] = ()
    """Ids, as `ContainedLineage` has them."""


@dataclass(frozen=True, slots=True)
class LineageFacts:
    """The lineage as the tables had it when every ledger was read to its end. What was born since then is missing."""

    wanted: LineageQuery
    seed: Seed
    descendants: tuple[Descendant, ...]
    """Parents before their children."""
    altered: tuple[AlteredSetting, ...] = ()
    made: frozenset[str] = frozenset()
    """Ids of the lineage's own users, groups and roles, and ARNs of its policies."""
    compromised_since: datetime | None = None
