"""The story of a credential in words, for the terminal and for the page alike. Nothing here is safe to show by itself:
names, addresses and user agents are as somebody chose them."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from domain.read_models.credential_activity import CallTallies, CallTally, TracedCall
from domain.read_models.lineage import LineageNode, NodePosition, OpenDoor
from domain.registry import lineage_kind
from services.api.contract.lineage import LineageTree
from services.api.contract.tracing import AccountRemediation, CredentialUse, RemediationPlan, Trace, TracedLineage
from services.api.contract.unused_permissions import UnusedPermissions, UnusedService
from services.cli.lib.output import ABSENT, Column, T_contra, date_of, result_colour, short_arn, short_time, time_of_day
from services.cli.lib.resources_output import named_resources
from services.cli.lib.terminal import Colour

NOTHING_LEFT = "Nothing of it is still usable."


class TraceField(NamedTuple):
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class TraceColumn(Column[T_contra]):
    """What the page has beside: how cells look, and what more there is to say of one."""

    look: str | None = None
    remark: Callable[[T_contra], str | None] = lambda _row: None


class ServiceGrant(NamedTuple):
    """Services whose unused actions the same statements grant."""

    by: str
    services: str
    actions: int
    conditional: int


def label(node: LineageNode, home: str) -> str:
    """The node in a few words; and where, if that is another account."""
    return node_label(node) if node.account_id == home else f"{node_label(node)}, in {node.account_id}"


def node_label(node: LineageNode) -> str:
    kind = lineage_kind(node.kind)
    told = ("{kind} {subject} of {name}" if kind is None else kind.label).format(
        kind=node.kind,
        subject=node.subject_id if node.subject_name is None else f"{node.subject_name} ({node.subject_id})",
        name=node.name,
        account=node.account_id,
        version=node.version,
        policy=node.subject_id.rsplit("/", 1)[-1],
        acted_as=(node.arn or node.name).split(":", 5)[-1],
    )
    return told if node.name_now is None else f"{told}, now {node.name_now}"


def node_colour(node: LineageNode) -> Colour | None:
    """Red is what somebody can act with."""
    if not node.alive:
        return Colour.FAINT
    return Colour.RED if node.gives_access else None


def state(node: LineageNode) -> str:
    """How it is with it at the moment."""
    if node.state == "active":
        expires = f", until {short_time(node.expires_at)}" if node.expires_at is not None else ""
        return f"active{expires}" if node.gives_access or node.kind == "root" else "in force"
    if node.since is not None:
        return f"{node.state} {short_time(node.since.at)} by {node.since.by}"
    return f"{node.state} {short_time(node.expires_at)}" if node.expires_at is not None else node.state


def title(trace: Trace) -> str:
    return f"Trace of {label(trace.seed, trace.account_id)}"


def verdict(trace: Trace) -> str:
    """In one sentence, what matters first."""
    alive, unknown = (
        len(trace.descent.alive),
        (trace.descent.unfollowed or trace.descent.stopped_after_nodes or trace.descent.unexamined_calls),
    )
    if alive:
        what = count_phrase(alive, "credential or principal is", "credentials and principals are")
        return f"ACTIVE: {what} still usable.{_doors(trace)}"
    if trace.descent.open_doors:
        return f"OPEN DOORS:{_doors(trace)}"
    if unknown:
        return "Nothing that was examined is still usable; not everything was examined."
    return NOTHING_LEFT


def verdict_colour(trace: Trace) -> Colour:
    return Colour.GREEN if verdict(trace) == NOTHING_LEFT else Colour.RED


def _doors(trace: Trace) -> str:
    doors = len(trace.descent.open_doors)
    return f" What it has altered lets others in, in {count_phrase(doors, 'place', 'places')}." if doors else ""


def door_lines(doors: Iterable[OpenDoor], account_id: str) -> Iterator[str]:
    """One a door, such as `Open door: trust of role admin lets 111122223333 assume it (p40 …)`."""
    for door in doors:
        node = door.node
        when = f"p{node.position}, {short_time(node.at)}, by {short_arn(node.by, node.account_id)}"
        yield f"Open door: {label(node, account_id)}: {'; '.join(door.opens)} ({when})"


def trace_fields(trace: Trace) -> Iterator[TraceField]:
    owner, seed = trace.owner, trace.seed
    yield TraceField("Account", f"{trace.account_id}, as of position {trace.position}, {short_time(trace.at)}")
    yield TraceField("State", state(seed))
    called = (owner.arn_now or owner.arn_then).rsplit("/", 1)[-1]
    yield TraceField("Owner", f"{owner.kind} {called} ({owner.entity_id})" if owner.kind != "root" else "root")
    yield TraceField("ARN at creation", owner.arn_then)
    yield TraceField("ARN now", owner.arn_now or "deleted")
    yield TraceField("Owner created", f"{short_time(owner.created.at)} by {owner.created.by}")
    if owner.ended is not None:
        yield TraceField("Owner deleted", f"{short_time(owner.ended.at)} by {owner.ended.by}")
    if not seed.owns_credentials:
        yield TraceField("Credential created", f"{short_time(seed.at)} by {seed.by}, request {seed.request_id}")
    yield TraceField("First use", _use(trace.first_use))
    yield TraceField("Last use", _use(trace.last_use))


def _use(call: TracedCall | None) -> str:
    if call is None:
        return "never used"
    refused = "" if call.error_code is None else f", refused: {call.error_code}"
    source = call.source_address or "no address"
    return f"{short_time(call.at)} {operation(call)} from {source}, position {call.position}{refused}"


def credential(call: TracedCall) -> str:
    """The session, or else the key that signed."""
    return call.access_key_id if call.session_id is None else call.session_id


def _named_credential(call: TracedCall, account_id: str) -> str:
    whose = "" if call.principal_arn is None else f" of {short_arn(call.principal_arn, account_id)}"
    return credential(call) + whose


def operation(call: TracedCall) -> str:
    return f"{call.service}:{call.operation}"


def result(call: TracedCall) -> str:
    told = call.error_code or "ok"
    return told if call.requests == 1 else f"{told} ({call.requests:,} times)"


def tallies(did: CredentialUse) -> Iterator[tuple[Sequence[TraceColumn[CallTally]], Sequence[CallTally], str | None]]:
    """The addresses, user agents and operations: each with its columns, and what is left out."""
    for title, found, what, if_none in (
        ("ADDRESS", did.addresses, "addresses", "none recorded"),
        ("USER AGENT", user_agents_by_product(did.user_agents), "user agents", "none sent"),
        ("OPERATION", did.operations, "operations", "none"),
    ):
        left = found.count - len(found.rows)
        left_out = f"{left} more {what} are left out: these came first." if left else None
        yield _tally_columns(title, if_none), found.rows, left_out


def _tally_columns(title: str, if_none: str) -> Sequence[TraceColumn[CallTally]]:
    return (
        TraceColumn(title, lambda row: if_none if row.text is None else row.text, wraps=True, least=20),
        TraceColumn("FIRST", lambda row: short_time(row.first.at), look="time"),
        TraceColumn("LAST", lambda row: short_time(row.last.at), look="time"),
        TraceColumn("OK", lambda row: str(row.answered), look="number"),
        TraceColumn("REFUSED", lambda row: str(row.refused), look="number"),
    )


def call_columns(account_id: str) -> Sequence[TraceColumn[TracedCall]]:
    return (
        TraceColumn("POSITION", lambda call: str(call.position), look="number"),
        TraceColumn(
            "TIME",
            lambda call: short_time(call.at),
            short=lambda call: time_of_day(call.at),
            above=lambda call: date_of(call.at),
            look="time",
        ),
        TraceColumn("CREDENTIAL", lambda call: _named_credential(call, account_id), short=credential, wraps=True),
        TraceColumn("SOURCE", lambda call: call.source_address or ABSENT),
        TraceColumn("OPERATION", operation, least=13, short=lambda call: call.operation),
        TraceColumn("RESULT", result, colour=result_colour, remark=lambda call: call.error_message),
        TraceColumn(
            "ON", lambda call: ", ".join(named_resources(call.resources, account_id)) or ABSENT, wraps=True, least=12
        ),
    )


def user_agents_by_product(user_agents: CallTallies) -> CallTallies:
    """User agents by their first product (RFC 9110, section 10.1.5): some programs describe each call anew behind it.
    The text stays whole where it is the only one of its product."""
    alike: dict[str | None, list[CallTally]] = {}
    for row in user_agents.rows:
        alike.setdefault(None if row.text is None else row.text.split(" ", 1)[0], []).append(row)
    rows = tuple(
        CallTally(
            text=product if len(of_it) > 1 else of_it[0].text,
            first=min((row.first for row in of_it), key=lambda moment: moment.position),
            last=max((row.last for row in of_it), key=lambda moment: moment.position),
            answered=sum(row.answered for row in of_it),
            refused=sum(row.refused for row in of_it),
        )
        for product, of_it in alike.items()
    )
    return CallTallies(rows, len(rows) + user_agents.count - len(user_agents.rows))


def containment_title(containment: RemediationPlan) -> str:
    """The title of the commands."""
    if containment.contain is None and containment.accounts:
        return "Nothing is left to contain; to remediate what it did, in this order"
    return "To contain it, in this order"


def calls_searched(did: CredentialUse) -> str:
    """What the counts are of."""
    calls = count_phrase(did.looked_at, "call", "calls")
    text = f"Of {calls} by it and its descendants, with credentials of {did.account_id}"
    if did.stopped_position is not None:
        return f"{text}, the first ones: calls after position {did.stopped_position} were not examined."
    return f"{text}."


def calls_left(did: CredentialUse) -> str | None:
    if not did.calls_left and did.stopped_position is None:
        return None
    also = f"; {did.histories_left} more credentials have histories of their own" if did.histories_left else ""
    calls = count_phrase(did.calls_left, "examined call is", "examined calls are")
    return f"{calls} not shown here. To list all of them, by credential{also}:"


def lineage_left(descent: TracedLineage | LineageTree) -> Iterator[str]:
    """What is missing of the births, and why."""
    if descent.stopped_after_nodes is not None:
        yield f"The lineage is truncated at {descent.stopped_after_nodes} nodes."
    if descent.unexamined_calls:
        yield f"At least {descent.unexamined_calls} calls of others were not examined for using what it has altered."
    for way in descent.unfollowed:
        yield (
            f"{way.kind} {way.subject_id} ({way.arn or 'no ARN'}, {short_time(way.at)}) leads into the account "
            f"{way.account_id}, not followed: {way.reason}."
        )


def remediation_title(undone: AccountRemediation) -> str:
    left = f" {undone.left} more nodes are not remediated by these commands." if undone.left else ""
    return f"What containment leaves, to remediate with credentials of {undone.account_id}:{left}"


def unused_permissions_note(could: UnusedPermissions) -> str:
    """What it is that is text there."""
    return (
        "What the credentials named here were allowed on at least one resource while they were in use, and what no "
        "call by any of them did. * was allowed only under a condition, or was denied on some resources. Action "
        f"catalogue {could.catalogue}."
    )


def unused_by_credential(could: UnusedPermissions, home: str) -> Iterator[str]:
    """By whose permissions, of when; and whose were not looked at."""
    for each in could.whose:
        others = f" and {len(each.same)} more with its permissions" if each.same else ""
        policies = count_phrase(each.permissions, "set of permissions", "different sets of permissions")
        stopped = each.stopped_position
        stop = "" if stopped is None else f" (those after position {stopped} were not examined)"
        span = f"from position {each.first.position} to {each.last.position}"
        yield f"{label(each.credential, home)}{others}: {span}, under {policies}{stop}"
    if could.left:
        of_them = count_phrase(could.left, "more credential of its lineage was", "more credentials of its lineage were")
        yield f"{of_them} not examined: trace each for its own unused permissions."


def actions_by_service(could: UnusedPermissions) -> Iterator[TraceField]:
    """Those of the services that are answered here; a * marks what is conditional."""
    found: dict[str, list[str]] = {}
    for unused in could.actions:
        service, _, action = unused.action.partition(":")
        found.setdefault(service, []).append(f"{action}*" if unused.conditional else action)
    for service, actions in found.items():
        yield TraceField(service, ", ".join(actions))


def actions_counted(could: UnusedPermissions) -> str:
    """Such as `3 actions of iam, 2 of sts`, of the same services; empty where there are none."""
    found = Counter(unused.action.partition(":")[0] for unused in could.actions)
    return ", ".join(
        f"{count} of {service}" if number else f"{count_phrase(count, 'action', 'actions')} of {service}"
        for number, (service, count) in enumerate(found.items())
    )


def unused_by_grant(could: UnusedPermissions, services_told: int) -> Iterator[ServiceGrant]:
    """The other services, those together that are granted by the same statements."""
    found: dict[tuple[str, ...], list[UnusedService]] = {}
    for service in could.services:
        found.setdefault(service.granted_by, []).append(service)
    for by, services in found.items():
        text = ", ".join(f"{service.service} {service.actions}" for service in services[:services_told])
        left = len(services) - services_told
        yield ServiceGrant(
            "; ".join(by),
            f"{text} and {left} more services" if left > 0 else text,
            sum(service.actions for service in services),
            sum(service.conditional for service in services),
        )


GRANTED: Sequence[TraceColumn[ServiceGrant]] = (
    TraceColumn("GRANTED BY", lambda granted: granted.by, wraps=True),
    TraceColumn("ACTIONS", lambda granted: str(granted.actions), look="number"),
    TraceColumn("CONDITIONAL", lambda granted: str(granted.conditional), look="number"),
    TraceColumn("SERVICES", lambda granted: granted.services, wraps=True),
)


def depth_first(nodes: Sequence[LineageNode]) -> list[LineageNode]:
    """Each behind its parent, with its descendants before the next."""
    children = children_of(nodes)
    ordered: list[LineageNode] = []
    waiting = list(reversed(children[None]))
    while waiting:
        node = waiting.pop()
        ordered.append(node)
        waiting += reversed(children[node.place])
    return ordered


def children_of(nodes: Iterable[LineageNode]) -> Mapping[NodePosition | None, list[LineageNode]]:
    """Nodes by their parent, in order; the seed by None."""
    children = defaultdict[NodePosition | None, list[LineageNode]](list)
    for node in nodes:
        children[node.parent].append(node)
    return children


def count_phrase(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
