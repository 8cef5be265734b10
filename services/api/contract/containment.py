"""The containment of a credential: it, and all that it gave birth to, is cut off in one step."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from domain.read_models.lineage import LineageNode, OpenDoor
from services.api.contract.question import CREDENTIAL_RESOURCE, Answer, MomentText, NameText, Question, Text


class ContainedAccount(Answer):
    account_id: str
    contained: bool
    """Whether nothing of the credential is honoured in the account."""
    reason: str | None
    """Why nothing was contained here, or what is left to do."""
    would_remain: int | None = None
    """Of a dry run, where something may be contained: so many that are active would be active still."""
    position: int | None
    """From here on nothing of it is honoured; null where something still is."""
    denied: tuple[str, ...]
    """Unique ids of users and roles that this call has denied everything; with `dry_run`, those that it would deny."""
    deactivated: tuple[str, ...]
    """Access keys."""
    revoked: tuple[str, ...]
    """Sessions."""
    names: Mapping[str, str]
    """By id, of all these: a user, role or session as its ARN ends, of a key its owner. As they were called when they
    were born, and behind a comma what they are called now, if otherwise."""


class Restoration(Answer):
    """Of one setting that the lineage has altered."""

    account_id: str
    what: str
    """Such as `trust of role admin`."""
    before: str | None
    """What it said before the lineage changed it: of a document its text; null where it was not there."""
    after: str | None
    """What the lineage has made of it."""
    refused: str | None
    """Why it, or a part of it, is not put back; null where all is."""


class Containment(Answer):
    account_id: str
    credential: str
    dry_run: bool
    accounts: tuple[ContainedAccount, ...]
    remaining: tuple[LineageNode, ...]
    """Sessions, keys, users and roles of the lineage that are alive: ask again until there are none."""
    open_doors: tuple[OpenDoor, ...]
    """What lets somebody in besides, because the lineage has made it so."""
    restored: tuple[Restoration, ...]
    """With `restore`: what was put back, or with `dry_run` would be; and what was not, and why."""
    left: tuple[LineageNode, ...]
    """What the credential had made before `compromised_since`."""
    compromised_since: datetime | None
    suggested_since: datetime | None
    """Of a dry run without `compromised_since`, where it has descendants from more than a day before: the first use of
    the credential from a new address or by a new agent."""
    unexamined_calls: int
    """So many calls of others, at least, may have been possible because of the lineage alone, and were not examined."""
    standing: tuple[LineageNode, ...]
    """Changes of the lineage that are in force, such as trust and other policies. Containment leaves them as they are:
    whether they are wrong is for a person to judge."""
    untouched: tuple[str, ...]
    """ARNs of users, roles and roots whose credentials are of the lineage, but who are not themselves: they may do what
    they could, and with other credentials still do."""
    stopped_after_nodes: int | None
    """The bound on the lineage, where there is more of it."""


class Contain(Question[Containment]):
    """Deactivates the credential, its keys and those of its descendants, revokes their sessions, and denies everything
    to the users and roles among them. Asked again it changes nothing."""

    method = "POST"
    path = "/v1/contain"
    resource = CREDENTIAL_RESOURCE
    read_only = False
    ends_access = True

    credential: NameText
    """An access key id, a session id, a user or role by name, unique id or ARN, or root's ARN."""
    dry_run: bool = False
    """Whether it is only told what would be done."""
    restore: bool = False
    """Whether what the lineage has altered is put back as it was, where nobody else has changed it since."""
    compromised_since: MomentText | None = None
    """The earliest moment at which it may have been in other hands: what it had made before is left. Recorded."""
    spare: Annotated[tuple[Text, ...], Field(max_length=100)] = ()
    """Access keys, users and roles that stay honoured with all that they have made, by id, name or ARN. Recorded."""
    include_self: bool = False
    """Whether the caller and the last administrator may be cut off."""
    reason: Annotated[Text, StringConstraints(max_length=256)] | None = None
    """Recorded with the events."""
