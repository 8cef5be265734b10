"""Who could, and what somebody held, between two moments: intervals, each opened and closed by a named event."""

from abc import ABC

from domain.families.policies import HolderNoun
from domain.policy import Layer
from services.api.contract.access import Action, PrincipalAccess
from services.api.contract.question import Answer, NameText, ResourceText
from services.api.contract.time_span import Occurrence, SpanPage, SpanQuestion


class Bearer(Answer):
    """Somebody who was called as was asked, and from when to when."""

    kind: HolderNoun
    entity_id: str
    arn: str
    valid_from: int
    """The position of the event."""
    valid_to: int | None
    """The position from which on it was not so any more; null: it is."""


class AccessInterval(Answer):
    """That one principal's access was so from one end to the other."""

    opened: Occurrence | None
    """Null: it was so when the span began."""
    closed: Occurrence | None
    """Null: it was so when the span ended, or where the question stopped."""
    principal: PrincipalAccess
    complete: bool
    """False where a condition compares the text of the time with a pattern or a variable: what it changes between two
    events is then not told."""


class AccessIntervalsPage(SpanPage):
    unseen: tuple[str, ...] = ()
    """Accounts that a trust policy named, and into which whoever asks does not see, or which are not here: of their
    principals nothing is told. `*` where it named everybody, and there are such."""
    admitted: tuple[str, ...] = ()
    """Whom it named there, as it named them."""
    called: tuple[Bearer, ...] = ()
    """The roles that were called so."""
    intervals: tuple[AccessInterval, ...]


class HeldInterval(Answer):
    """That a policy counted for somebody, with this text, from one end to the other."""

    opened: Occurrence | None
    """Null: it was so when the span began."""
    closed: Occurrence | None
    """Null: it was so when the span ended, or where the question stopped."""
    kind: HolderNoun
    entity_id: str
    name: str
    """What whoever holds it was called when the interval opened."""
    layer: Layer
    place: str
    """The unique id of who holds it, a group perhaps; of an organisation's policies the level."""
    through: str | None
    """What the group or the level is called; null of what is the entity's own."""
    source_type: str
    source_id: str
    version_id: str | None
    sha256: str
    document: str


class HeldIntervalsPage(SpanPage):
    called: tuple[Bearer, ...] = ()
    """Who was called so, where a name was given."""
    intervals: tuple[HeldInterval, ...]


class _AccessBetweenQuestion(SpanQuestion[AccessIntervalsPage], ABC):
    everybody: bool = False
    """Whether those intervals are told too in which somebody could not."""


class WhoCould(_AccessBetweenQuestion):
    """Every principal of the account that could do an action to a resource, from when to when, and who made it so."""

    path = "/v1/who-could"
    resource = "who-can"

    action: Action
    on: ResourceText
    """An ARN, or * where the action is about no single resource; an entity of the account also by name, or kind and
    name."""


class CouldAssume(_AccessBetweenQuestion):
    """Everybody who could assume the role that had the name at each moment, from when to when: of its account, and of
    the accounts that its trust policies named, or of all where they named everybody; as far as whoever asks sees into
    them now."""

    path = "/v1/could-assume/{role}"
    resource = "can-assume"

    role: NameText
    """By name, `role/` and name, ARN or unique id."""


class ListHeldPolicies(SpanQuestion[HeldIntervalsPage]):
    """The policies that counted for a user, group or role, from when to when, and who made it so."""

    path = "/v1/permissions/{principal}/held"
    resource = "permissions"

    principal: NameText
    """A name or ARN is whoever was called so at each moment; a unique id follows through renames."""


class ListAllHeldPolicies(SpanQuestion[HeldIntervalsPage]):
    """The policies that each user and role had, from when to when, and who made it so; by name, roles before users.
    What an organization attaches, which limits all alike, ListHeldPolicies tells."""

    path = "/v1/permissions"
    resource = "permissions"
