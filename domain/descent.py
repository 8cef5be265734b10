"""What credentials, users and roles descend from: who made them, and who had made those (docs/adr/0047).

Each has its whole descent from the moment at which it is made, so that whether it descends from something else is told
without looking at anything else: in the account, or of a session in its token.
"""

from abc import ABC
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from immutables import Map

from domain.account import Account, AccountChange, Component, forget_key
from domain.foundation.errors import LimitExceeded
from domain.foundation.events import Cause, Entry

LINKS_MAX = 64
"""Of one descent: a session's token has to hold them."""
GENERATIONS = (16, 8, 4, 2, 1, 0)
"""Of credentials of one owner so many are told apart, fewer where a descent would be too long: keys that are rotated
with one another go on for ever."""
EARLIER = "*"
"""Behind the id of an owner: the credentials that it had before these, taken for one."""
_NOW = datetime.max.replace(tzinfo=UTC)
_EVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class DescentLink:
    """How one thing came to be: a credential, a user or a role."""

    id: str
    """Of an access key or a session the access key id, of a user or role the unique id."""
    by: str | None = None
    """The access key id that signed for it; None where nobody of an account did."""
    at: datetime | None = None
    of: str | None = None
    """Whose credential it is: the unique id of a user or role, or the account id for root."""


@dataclass(frozen=True, slots=True)
class Descent:
    links: tuple[DescentLink, ...]
    """The thing itself first, then all that it descends from. An activated key is there twice."""
    is_cut: bool = False
    """Whether it is longer than there was room: nobody knows what else it descends from."""

    @property
    def known(self) -> frozenset[str]:
        """The ids of all that it descends from, its own too, as far as they are known."""
        ids = ((link.id, link.by, link.of) for link in self.links)
        return frozenset(each for link in ids for each in link if each is not None)

    @property
    def groups(self) -> frozenset[str]:
        """Owners of whose credentials the earlier ones are one node."""
        return frozenset(link.id[: -len(EARLIER)] for link in self.links if link.id.endswith(EARLIER))

    def leads_to(
        self, ancestor: str, since: datetime | None = None, spared: Collection[str] = (), owner: str | None = None
    ) -> bool:
        """Whether it is the ancestor, or was made with it `since` a time, or with what was; on a way that leads through
        nothing that is spared, nor a credential of what is. A credential may be among the earlier ones of its `owner`:
        what descends from these is taken to descend from it."""
        links = defaultdict[str, list[DescentLink]](list)
        for link in self.links:
            links[link.id].append(link)
        sought = {ancestor} if owner is None else {ancestor, f"{owner}{EARLIER}"}
        latest = dict.fromkeys(spared, _NOW)
        ways = [(self.links[0].id, _NOW)]
        while ways:
            each, made_at = ways.pop()
            if latest.get(each, _EVER) >= made_at or any(link.of in spared for link in links[each]):
                continue
            if each in sought and (since is None or made_at >= since):
                return True
            latest[each] = made_at
            for link in links[each]:
                ways += [(link.by, link.at or _NOW)] if link.by is not None else []
                ways += [(link.of, made_at)] if link.of is not None else []
        return False

    def joined(self, *others: "Descent | None") -> "Descent":
        """With what others descend from. Where that is long, the earlier credentials of each owner become one."""
        there = [other for other in others if other is not None]
        links = [*self.links, *(link for other in there for link in other.links)]
        for generations in GENERATIONS:
            links = _grouped(links, generations, self.links[0].id)
            if len(links) <= LINKS_MAX:
                break
        return Descent(tuple(links), any(each.is_cut for each in (self, *there)))

    @property
    def is_too_long(self) -> bool:
        return len(self.links) > LINKS_MAX

    def shortened(self) -> "Descent":
        """Of a history that was allowed before there was a bound."""
        return Descent(self.links[:LINKS_MAX], is_cut=True) if self.is_too_long else self


def _grouped(links: Sequence[DescentLink], generations: int, itself: str) -> list[DescentLink]:
    """Of each owner's credentials so many apart, the newest; the earlier ones are one, with all that made them."""
    earlier = _earlier(links, generations, itself) if len(links) > generations else {}
    found = dict[tuple[str, str | None, str | None], DescentLink]()
    for link in links:
        changed = link
        if earlier:
            changed = replace(link, id=earlier.get(link.id, link.id), by=earlier.get(link.by or "", link.by))
        if changed.id == changed.by:
            continue
        place = changed.id, changed.by, changed.of
        known = found.get(place)
        if known is None or (known.at or _EVER) < (changed.at or _EVER):
            found[place] = changed
    return list(found.values())


def _earlier(links: Sequence[DescentLink], generations: int, itself: str) -> dict[str, str]:
    """By the ids of an owner's earlier credentials: what they are taken for."""
    newest = dict[str, dict[str, datetime]]()
    for link in links:
        if link.of is not None and link.id != itself and not link.id.endswith(EARLIER):
            of_owner = newest.setdefault(link.of, {})
            of_owner[link.id] = max(link.at or _EVER, of_owner.get(link.id, _EVER))
    return {
        each: f"{owner}{EARLIER}"
        for owner, credentials in newest.items()
        for each in sorted(credentials, key=credentials.__getitem__, reverse=True)[generations:]
    }


DESCENTS = Component[Map[str, str]]("descents", Map(), forget=forget_key)
"""Of access keys, users and roles, by their ids, as `written` has them: an account has many, and reads few."""
ACTIVATIONS = Component[Map[str, str]]("activations", Map(), forget=forget_key)
"""Of access keys that are active because somebody has activated them: from whom they descend by that."""
_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)


def written(descent: Descent) -> str:
    """A link after the other, each as four words, and behind a semicolon whether it is cut."""
    links = (
        f"{link.id} {link.by or '-'} {'-' if link.at is None else (link.at - _EPOCH) // _MICROSECOND} {link.of or '-'}"
        for link in descent.links
    )
    return f"{','.join(links)};{'cut' if descent.is_cut else ''}"


def known_descent(account: Account, descendant_id: str) -> Descent | None:
    return _read(account[DESCENTS].get(descendant_id))


def _read(text: str | None) -> Descent | None:
    if text is None:
        return None
    links, _, cut = text.partition(";")
    return Descent(tuple(_link(*link.split(" ")) for link in links.split(",")), cut == "cut")


def _link(id_: str, by: str, at: str, of: str) -> DescentLink:
    made_at = None if at == "-" else _EPOCH + int(at) * _MICROSECOND
    return DescentLink(id_, None if by == "-" else by, made_at, None if of == "-" else of)


def made(account: Account, link: DescentLink, maker: Descent | None = None) -> Descent:
    """Of what is made in the account; of a credential, with its owner's."""
    return Descent((link,)).joined(maker, None if link.of is None else known_descent(account, link.of))


def refuse_too_long(descent: Descent) -> None:
    """Raises LimitExceeded."""
    if descent.is_too_long:
        raise LimitExceeded(
            f"The descent of {descent.links[0].id} has {len(descent.links)} links: credentials, users and roles "
            f"that were each made with the one before. Expected at most {LINKS_MAX}: use a credential that was made "
            "more directly."
        )


class MakesActor(AccountChange, ABC):
    """Something has come into being that somebody can act with or as."""

    actor: ClassVar[str]
    """The field with its id."""
    owner: ClassVar[str] = ""
    """Of a credential: that with the id of whose it is."""

    def fold_entry(self, account: Account, entry: Entry) -> Account:
        folded = super().fold_entry(account, entry)
        # Of what a session has made the account does not know all: it is recorded besides.
        descent = self.made_with(account, descent_of_maker(account, entry.cause), entry.cause, entry.at)
        folded = folded.put(DESCENTS, folded[DESCENTS].set(getattr(self, self.actor), written(descent.shortened())))
        if self.owner:
            return folded
        return counted(folded, descent.known - {getattr(self, self.actor)}, entry.at)

    def made_with(self, account: Account, maker: Descent | None, cause: Cause, at: datetime) -> Descent:
        owner_id = getattr(self, self.owner) if self.owner else None
        return made(account, DescentLink(getattr(self, self.actor), cause.access_key_id, at, owner_id), maker)


def descent_of_key(account: Account, access_key_id: str, owner_id: str | None) -> Descent:
    """Of a key that the account has now, with what its activation adds."""
    own = known_descent(account, access_key_id) or made(account, DescentLink(access_key_id, of=owner_id))
    return own.joined(_read(account[ACTIVATIONS].get(access_key_id))).shortened()


@dataclass(frozen=True, slots=True)
class Made:
    """How many users and roles descend from something."""

    count: int
    many_at: datetime | None
    """When these became MADE_MANY."""


MADE_MANY = 10
MADE = Component[Map[str, Made]]("made", Map(), forget=forget_key)
"""By the ids of credentials, users and roles."""


def counted(account: Account, makers: Iterable[str], at: datetime) -> Account:
    """With one user or role more that descends from each of these."""
    counts = account[MADE]
    for maker in makers:
        former = counts.get(maker, Made(0, None))
        count = former.count + 1
        counts = counts.set(maker, Made(count, at if count == MADE_MANY else former.many_at))
    return account.put(MADE, counts)


def activated(account: Account, access_key_id: str, owner_id: str, entry: Entry) -> Account:
    """As long as it is active by that, it descends from whoever has activated it too."""
    link = DescentLink(access_key_id, entry.cause.access_key_id, entry.at, owner_id)
    descent = made(account, link, descent_of_maker(account, entry.cause)).shortened()
    return account.put(ACTIVATIONS, account[ACTIVATIONS].set(access_key_id, written(descent)))


def descent_of_maker(account: Account, cause: Cause) -> Descent | None:
    """Of the credential that a call was signed with; of a session what the account knows of it."""
    key, owner_id = cause.access_key_id, owner_of_maker(cause)
    if key is None:
        return None
    if cause.session_id is None:
        return descent_of_key(account, key, owner_id)
    return made(account, DescentLink(key, of=owner_id))


def owner_of_maker(cause: Cause) -> str | None:
    """Whose credential a call was signed with: a user, a role, or the account for root."""
    principal = cause.principal
    if principal is None:
        return None
    return principal.principal_id if principal.issuer is None else principal.issuer.principal_id
