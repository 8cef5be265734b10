"""What credentials, users and roles descend from: who made them, and who had made those (docs/adr/0047).

Each has its whole descent from the moment at which it is made, so that whether it descends from something else is told
without looking at anything else: in the account, or of a session in its token.
"""

from abc import ABC
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from immutables import Map

from domain.account import Account, AccountChange, Component, forget_key
from domain.foundation.errors import LimitExceeded
from domain.foundation.events import Cause, Entry

LINKS_MAX = 64
"""Of one descent: a session's token has to hold them."""
GENERATIONS_MAX = 16
"""Of credentials of one owner in a descent: a key that is rotated with the key before goes on for ever. Of earlier ones
it is only known that there were some."""
ANYBODY = "*"
"""Among owners whose earlier credentials are not known: of everybody."""
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
    forgotten: tuple[str, ...] = ()
    """Owners with credentials that it descends from and that are not among these."""

    @property
    def known(self) -> frozenset[str]:
        """The ids of all that it descends from, its own too, as far as they are known."""
        ids = ((link.id, link.by, link.of) for link in self.links)
        return frozenset(each for link in ids for each in link if each is not None)

    def leads_to(self, ancestor: str, since: datetime | None = None, spared: Collection[str] = ()) -> bool:
        """Whether it is the ancestor, or was made with it `since` a time, or with what was; on a way that leads through
        nothing that is spared."""
        links = defaultdict[str, list[DescentLink]](list)
        for link in self.links:
            links[link.id].append(link)
        latest = dict.fromkeys(spared, _NOW)
        ways = [(self.links[0].id, _NOW)]
        while ways:
            each, made_at = ways.pop()
            if latest.get(each, _EVER) >= made_at:
                continue
            if each == ancestor and (since is None or made_at >= since):
                return True
            latest[each] = made_at
            for link in links[each]:
                ways += [(link.by, link.at or _NOW)] if link.by is not None else []
                ways += [(link.of, made_at)] if link.of is not None else []
        return False

    def joined(self, *others: "Descent | None") -> "Descent":
        """With what others descend from; of each owner's credentials the newest. May be longer than there is room."""
        there = [other for other in others if other is not None]
        links = dict.fromkeys((*self.links, *(link for other in there for link in other.links)))
        forgotten = {*self.forgotten, *(owner for other in there for owner in other.forgotten)}
        by_owner = defaultdict[str, list[DescentLink]](list)
        for link in links:
            if link.of is not None:
                by_owner[link.of].append(link)
        for owner, credentials in by_owner.items():
            if len(credentials) > GENERATIONS_MAX:
                forgotten.add(owner)
                oldest = sorted(credentials, key=lambda link: link.at or _EVER)[:-GENERATIONS_MAX]
                for each in oldest:
                    links = _without(links, each)
        return Descent(tuple(links), tuple(sorted(forgotten)))

    @property
    def is_too_long(self) -> bool:
        return len(self.links) > LINKS_MAX

    def shortened(self) -> "Descent":
        """Of a history that was allowed once: nobody knows what else it descends from."""
        if not self.is_too_long:
            return self
        return Descent(self.links[:LINKS_MAX], tuple(sorted({*self.forgotten, ANYBODY})))


def _without(links: Iterable[DescentLink], left_out: DescentLink) -> dict[DescentLink, None]:
    """What was made with it is as if made with what had made that."""
    rest = (link for link in links if link != left_out)
    return dict.fromkeys(replace(each, by=left_out.by) if each.by == left_out.id else each for each in rest)


DESCENTS = Component[Map[str, str]]("descents", Map(), forget=forget_key)
"""Of access keys, users and roles, by their ids, as `written` has them: an account has many, and reads few."""
ACTIVATIONS = Component[Map[str, str]]("activations", Map(), forget=forget_key)
"""Of access keys that are active because somebody has activated them: from whom they descend by that."""
_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)


def written(descent: Descent) -> str:
    """A link after the other, each as four words, and behind a semicolon whose earlier credentials are not known."""
    links = (
        f"{link.id} {link.by or '-'} {'-' if link.at is None else (link.at - _EPOCH) // _MICROSECOND} {link.of or '-'}"
        for link in descent.links
    )
    return f"{','.join(links)};{' '.join(descent.forgotten)}"


def known_descent(account: Account, descendant_id: str) -> Descent | None:
    return _read(account[DESCENTS].get(descendant_id))


def _read(text: str | None) -> Descent | None:
    if text is None:
        return None
    links, _, forgotten = text.partition(";")
    return Descent(tuple(_link(*link.split(" ")) for link in links.split(",")), tuple(forgotten.split()))


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
        counted = folded[MADE]
        for maker in filter(None, (entry.cause.access_key_id, owner_of_maker(entry.cause))):
            counted = _counted(counted, maker, entry.at)
        return folded.put(MADE, counted)

    def made_with(self, account: Account, maker: Descent | None, cause: Cause, at: datetime) -> Descent:
        owner_id = getattr(self, self.owner) if self.owner else None
        return made(account, DescentLink(getattr(self, self.actor), cause.access_key_id, at, owner_id), maker)


def descent_of_key(account: Account, access_key_id: str, owner_id: str | None) -> Descent:
    """Of a key that the account has now, with what its activation adds."""
    own = known_descent(account, access_key_id) or made(account, DescentLink(access_key_id, of=owner_id))
    return own.joined(_read(account[ACTIVATIONS].get(access_key_id))).shortened()


@dataclass(frozen=True, slots=True)
class Made:
    """How many users and roles a credential, or all of an owner, has made."""

    count: int
    many_at: datetime | None
    """When it had made MANY."""


MADE_MANY = 10
MADE = Component[Map[str, Made]]("made", Map(), forget=forget_key)
"""By the ids of credentials and of their owners."""


def _counted(made: Map[str, Made], maker: str, at: datetime) -> Map[str, Made]:
    former = made.get(maker, Made(0, None))
    count = former.count + 1
    return made.set(maker, Made(count, at if count == MADE_MANY else former.many_at))


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
