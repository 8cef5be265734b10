"""The containment of a credential: it, and all that it gave birth to, is cut off in one step."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import StringConstraints

from domain.read_models.lineage import LineageNode
from services.api.contract.question import Answer, Question, Text


class ContainedAccount(Answer):
    account_id: str
    contained: bool
    """Whether nothing of the credential is honoured in the account."""
    reason: str | None
    """Why nothing was contained here, or what is left to do."""
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
    were born."""


class Containment(Answer):
    account_id: str
    credential: str
    dry_run: bool
    accounts: tuple[ContainedAccount, ...]
    remaining: tuple[LineageNode, ...]
    """Sessions, keys, users and roles of the lineage that are alive: ask again until there are none."""
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
    resource = "credential/{credential}"
    read_only = False

    credential: Text
    """An access key id, a session id, a user or role by name, unique id or ARN, or root's ARN."""
    dry_run: bool = False
    """Whether it is only told what would be done."""
    include_self: bool = False
    """Whether the caller and the last administrator may be cut off."""
    reason: Annotated[Text, StringConstraints(max_length=256)] | None = None
    """Recorded with the events."""
