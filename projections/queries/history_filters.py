"""What people filter the access history by, as columns and indexes of the trail have it.

A filter is all that its value can mean: a name is whoever was ever called so, under every other name that they had.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

import psycopg

from domain.foundation.errors import InvalidInput, NoSuchEntity
from domain.foundation.identifiers import SESSION_KEY
from domain.foundation.moments import AsOf
from domain.foundation.nearest import nearest
from projections.engine.sql_files import load_statements
from projections.queries.called_sessions import federated_user, sessions_called
from projections.queries.entity_names import (
    NameOfEntity,
    names_of_entities,
    nearest_credential,
    nearest_seed,
    own_resource,
    policy_arns,
    resource_name,
)
from projections.queries.history_search import LAST_POSITION, IndexWalk, distinct_values
from projections.queries.readable import require_readable

SQL = load_statements("projections.queries", "queries.sql")
VALUES_MAX = 500
"""So many user agents, addresses, operations or error codes of an account are compared with what is asked for. Where
there are more of them, each call is."""

SESSIONS_MAX = 500
"""So many sessions of one name are looked for, the newest ones."""
_KINDS = (
    *("user", "group", "role", "policy", "inline-policy", "instance-profile", "oidc-provider", "saml-provider"),
    *("server-certificate", "mfa", "federated-user"),
)
"""Of what a name alone may be."""
_URL = re.compile(r"https?://|(?=[^/]+[.][^/]+/)")
"""How the URL of an OIDC provider may begin, with its scheme or without."""
_UNIQUE_ID = re.compile(r"A[A-Z]{3}[A-Z2-7]{17}")
_OPERATOR = re.compile(r"(?:operator )?([^ /:@]+@[^ /:@]+)")


@dataclass(frozen=True, slots=True)
class HistoryFilters:
    """All that are given must fit. Moments are inclusive."""

    access_key_id: str | None = None
    session_id: str | None = None
    principal: str | None = None
    """A user or role by name, kind and name, ARN or unique id; `root`; a session by ARN, or what follows the account in
    it, or CloudTrail's principalId; a key or session id; `operator user@host`."""
    source_address: str | None = None
    """Or a network. As a trusted proxy reported it; without a proxy, the peer's."""
    source_identity: str | None = None
    """In any case."""
    user_agent: str | None = None
    """A part of it, in any case."""
    operation: str | None = None
    """In any case, with its service or without: iam:CreateUser, CreateUser, create-user; or an action that is no
    operation, such as iam:PassRole: the calls that asked for it."""
    resource: str | None = None
    """What the call was about: an entity by name, kind and name, ARN or id; any other ARN. "*" is none."""
    error_code: str | None = None
    since: AsOf | None = None
    until: AsOf | None = None


@dataclass(frozen=True, slots=True)
class KnownValues:
    """That there are, whether or not any call had them."""

    operations: Iterable[str] = ()
    """Without their service, of the one that is asked for."""
    actions: Iterable[str] = ()
    """With their service, those that are no operations, and that calls ask for besides their own."""
    error_codes: Iterable[str] = ()


NOTHING_KNOWN = KnownValues()


@dataclass(frozen=True, slots=True)
class Criterion:
    """A filter, as it is looked for."""

    walks: tuple[IndexWalk, ...] | None
    """Along which indexes its calls are found; None where only each call can tell."""
    row: Mapping[str, object]
    """Parameters of the statement that tells of a call whether it fits."""
    exists: Callable[[], bool]
    """Whether there is, or was, what is asked for, whether or not any call had it; or can be, as any address can."""
    nearest: Callable[[], str]
    """A sentence with the value that is most like it; empty where there is none."""


EVERY_CALL: Mapping[str, object] = {
    **dict.fromkeys(("access_key_id", "session_id", "source_identity", "addresses", "network", "user_agent")),
    **dict.fromkeys(("operations", "service")),
    "actions": None,
    **dict.fromkeys(("resources", "resources_after", "resources_to", "error_code", "entity_ids", "principal_ids")),
    **dict.fromkeys(("principal_arns", "issuer_arns", "user_names", "operators", "credential_ids")),
    "by_principal": False,
}


def criteria_of(
    cursor: psycopg.Cursor, account_id: str, filters: HistoryFilters, known: KnownValues
) -> dict[str, Criterion]:
    """By the filters that are given. Raises InvalidInput and NoSuchEntity for what can be no filter, and
    ProjectionUnreadable."""
    makers: dict[str, Callable[[_Trail, str], Criterion]] = {
        "access_key_id": lambda trail, given: trail.by_credential("access_key_id", given),
        "session_id": _Trail.by_session,
        "principal": _Trail.by_principal,
        "source_identity": _Trail.by_source_identity,
        "source_address": _Trail.by_address,
        "user_agent": _Trail.by_user_agent,
        "operation": _Trail.by_operation,
        "resource": _Trail.by_resource,
        "error_code": _Trail.by_error_code,
    }
    trail = _Trail(cursor, account_id, known)
    return {name: make(trail, given) for name, make in makers.items() if (given := getattr(filters, name)) is not None}


@dataclass(frozen=True, slots=True)
class _Trail:
    """An account's, and what else is known of the account."""

    cursor: psycopg.Cursor
    account_id: str
    known: KnownValues

    def by_credential(self, column: str, given: str) -> Criterion:
        return Criterion(
            (IndexWalk(column, given),),
            {column: given},
            lambda: self._is_credential(given),
            lambda: nearest_credential(self.cursor, self.account_id, given, column),
        )

    def by_session(self, given: str) -> Criterion:
        """By its id, by the id of its key, or by any other form that a principal has of it."""
        if "/" in given or ":" in given:
            return self.by_principal(given)
        return self.by_credential("access_key_id" if given.startswith(SESSION_KEY) else "session_id", given)

    def _is_credential(self, given: str, arns: Sequence[str] = ()) -> bool:
        """Whether a key or a session has this id, or a session one of these ARNs."""
        require_readable(self.cursor, "lineage")
        sought = {"account_id": self.account_id, "credential": given, "arns": list(arns)}
        return self.cursor.execute(SQL["is_credential"], sought).fetchone() is not None

    def by_user_agent(self, given: str) -> Criterion:
        agent = {"user_agent": given}
        found = self._among("user_agent", given, lambda each: given.lower() in each.lower(), agent)
        return replace(found, exists=_can_be)

    def by_source_identity(self, given: str) -> Criterion:
        identity = {"source_identity": given}
        return self._among("source_identity", given, lambda each: each.lower() == given.lower(), identity)

    def by_error_code(self, given: str) -> Criterion:
        code = {"error_code": given}
        return self._among(
            "error_code", given, lambda each: each.lower() == given.lower(), code, self.known.error_codes
        )

    def by_operation(self, given: str) -> Criterion:
        service, _, name = given.lower().rpartition(":")
        spelt = [name, name.replace("-", "")]
        row = {"operations": spelt, "service": service or None}
        found = self._among("operation", name, lambda each: each.lower() in spelt, row, self.known.operations)
        asked = [each for each in self.known.actions if _is_action(each.lower(), service, spelt)]
        if asked:
            row = {"operations": spelt, "service": service or None, "actions": [each.lower() for each in asked]}
            walks = [IndexWalk("resource", f"action {each}") for each in asked]
            return Criterion((*(found.walks or ()), *walks), row, _can_be, found.nearest)
        if not service or found.walks is None:
            return found
        pair = {"account_id": self.account_id, "operations": [walk.value for walk in found.walks], "service": service}
        is_any = self.cursor.execute(SQL["is_operation_of"], pair).fetchone() is not None
        return found if is_any else replace(found, walks=())

    def by_address(self, given: str) -> Criterion:
        network = ip_network(given, strict=False)
        if network.num_addresses > 1:
            row = {"network": str(network)}
            return replace(
                self._among("source_address", given, lambda each: _lies_in(each, network), row), exists=_can_be
            )
        address = str(network.network_address)
        spelt = sorted({given.partition("/")[0], address, f"::ffff:{address}"})
        return Criterion(
            tuple(IndexWalk("source_address", each) for each in spelt), {"addresses": spelt}, _can_be, lambda: ""
        )

    def _values(self, column: str) -> list[str]:
        return distinct_values(self.cursor, self.account_id, column, VALUES_MAX + 1)

    def _among(
        self, column: str, given: str, fits: Callable[[str], bool], row: Mapping[str, object], known: Iterable[str] = ()
    ) -> Criterion:
        """The values of the column that fit, as far as there are not too many."""
        values = self._values(column)
        walks = tuple(IndexWalk(column, each) for each in values if fits(each))
        return Criterion(
            walks if len(values) <= VALUES_MAX else None,
            row,
            lambda: any(map(fits, known)),
            lambda: nearest(given, [*values, *known]),
        )

    def by_principal(self, given: str) -> Criterion:
        require_readable(self.cursor, "permissions")
        columns = self._principal_columns(given)
        ids = [*columns["entity_ids"], *columns["principal_ids"]]
        walks = [IndexWalk("entity_id", each.partition(":")[0]) for each in ids]
        walks += [IndexWalk("user_name", each) for each in columns["user_names"]]
        walks += [IndexWalk("issuer_arn", each) for each in columns["issuer_arns"]]
        walks += [IndexWalk("operator", each) for each in columns["operators"]]
        for column in ("access_key_id", "session_id"):
            walks += [IndexWalk(column, each) for each in columns["credential_ids"]]
        for arn in columns["principal_arns"]:
            # The account's own users are indexed by name instead.
            own_user = own_resource(self.account_id, arn).startswith("user/")
            walks.append(
                IndexWalk("user_name", arn.rpartition("/")[2]) if own_user else IndexWalk("principal_arn", arn)
            )
        return Criterion(
            tuple(walks),
            {"by_principal": True, **columns},
            lambda: self._is_principal(given, columns["principal_arns"]),
            lambda: nearest_seed(self.cursor, self.account_id, given),
        )

    def _is_principal(self, given: str, arns: Sequence[str]) -> bool:
        if resource_name(self.account_id, given) in {"root", self.account_id} or self._is_credential(given, arns):
            return True
        if sessions_called(self.cursor, self.account_id, given, limit=1):
            return True
        entity = given if given.startswith("arn:") else given.partition(":")[0]
        return bool(names_of_entities(self.cursor, self.account_id, entity))

    def _principal_columns(self, given: str) -> dict[str, list[str]]:
        """The columns that hold a principal called so, with the values there. Raises InvalidInput for a group."""
        if (federated := federated_user(self.account_id, given)) is not None:
            given = f"federated-user/{federated}"
        columns: dict[str, list[str]] = {name: [] for name in EVERY_CALL if name.endswith(("_ids", "_arns"))}
        columns |= {"user_names": [], "operators": []}
        names = names_of_entities(self.cursor, self.account_id, given)
        callers = sorted({each.entity_id for each in names if each.kind != "group"})
        if names and not callers:
            raise InvalidInput(f"{given} is a group, which makes no calls. Ask for one of its users.")
        columns["entity_ids"] += callers
        sessions = [] if names else sessions_called(self.cursor, self.account_id, given, limit=SESSIONS_MAX)
        columns["credential_ids"] += [each.session_id for each in sessions]
        for column, value in self._forms(given):
            columns[column].append(value)
        return columns

    def _forms(self, given: str) -> Iterator[tuple[str, str]]:
        """What a principal may be called in each of the columns."""
        if own_resource(self.account_id, given) in {"root", self.account_id}:
            yield "entity_ids", self.account_id
        if given.startswith("arn:"):
            yield "issuer_arns" if given.split(":", 5)[-1].startswith("role/") else "principal_arns", given
            return
        kind, slash, name = given.partition("/")
        if kind in {"assumed-role", "federated-user"}:
            for (partition,) in self.cursor.execute(SQL["partition"], {"account_id": self.account_id}).fetchall():
                yield "principal_arns", f"arn:{partition}:sts::{self.account_id}:{given}"
        elif kind == "user" or not slash:
            yield "user_names", name or given
        if not slash:
            yield "credential_ids", given
            yield "entity_ids" if _UNIQUE_ID.fullmatch(given) else "principal_ids", given
        if operator := _OPERATOR.fullmatch(given):
            yield "operators", operator[1]

    def by_resource(self, given: str) -> Criterion:
        """Under its ids all its calls; under each of its names those of the time when it had it. Of what is only named,
        and may never have been, all that name it. Raises NoSuchEntity for a path that no entity of the name had."""
        require_readable(self.cursor, "permissions")
        texts = self._resource_texts(given)
        names = names_of_entities(self.cursor, self.account_id, given)
        arns = [] if names else policy_arns(self.cursor, self.account_id, given)
        sessions = [] if names or arns else self._sessions(given)
        # An ARN has the path in it, with which a name is not another one's.
        is_path = texts[0] != own_resource(self.account_id, given)
        if not names and not arns and not sessions and (is_path or given.lower().startswith("arn:")):
            others = names_of_entities(self.cursor, self.account_id, texts[0])
            if others:
                raise NoSuchEntity(f"Nothing was ever called {given}. The nearest is {others[-1].arn}.")
        # A unique id is in no name: those of its entity may have been others' before and after.
        texts += [resource_name(self.account_id, arn) for arn in arns]
        otherwise = [] if names or arns or sessions else self._otherwise_called(texts[0])
        texts = sessions or texts
        bearers = {each.entity_id for each in names}
        taken = [each for each in names_of_entities(self.cursor, self.account_id, texts[0]) if bearers]
        taken = [each for each in taken if each.entity_id not in bearers]
        walks = [IndexWalk("resource", each, *gap) for each in texts for gap in _gaps(taken)]
        for called in names:
            until = LAST_POSITION if called.valid_to is None else called.valid_to
            walks.append(IndexWalk("resource", called.entity_id))
            walks.append(IndexWalk("resource", f"{called.kind}/{called.name}", called.valid_from - 1, until))
        walks += otherwise
        return Criterion(
            tuple(dict.fromkeys(walks)),
            {
                "resources": [walk.value for walk in walks],
                "resources_after": [walk.after for walk in walks],
                "resources_to": [walk.to for walk in walks],
            },
            lambda: bool(names or arns or sessions or texts[0] == "root" or self._is_credential(given)),
            lambda: nearest_seed(self.cursor, self.account_id, given),
        )

    def _sessions(self, given: str) -> list[str]:
        """As what calls may name the sessions that are called so; asked for by an id, it is not one of those that are
        called like it."""
        found = sessions_called(self.cursor, self.account_id, given, limit=SESSIONS_MAX)
        ids = [named for each in found for named in (each.session_id, each.access_key_id)]
        if not found or given in ids:
            return ids
        names = {each.resource for each in found}
        return [*names, *ids]

    def _otherwise_called(self, named: str) -> list[IndexWalk]:
        rows = self.cursor.execute(SQL["otherwise_called"], {"account_id": self.account_id, "named": named}).fetchall()
        return [IndexWalk("resource", text, after, LAST_POSITION if to is None else to) for text, after, to in rows]

    def _resource_texts(self, given: str) -> list[str]:
        """As which calls may name it."""
        text = "root" if given == self.account_id else resource_name(self.account_id, given)
        if (scheme := _URL.match(text)) is not None:
            return [text, f"oidc-provider/{text[scheme.end() :]}"]
        if ":" in text:
            return [text]
        # As the ARN of one of our own questions, such as lifecycle-profile.
        partitions = self.cursor.execute(SQL["partition"], {"account_id": self.account_id}).fetchall()
        ours = [f"arn:{partition}:muniment::{self.account_id}:{text}" for (partition,) in partitions]
        is_name = "/" not in text and not _UNIQUE_ID.fullmatch(text)
        return [text, *(f"{kind}/{text}" for kind in _KINDS if is_name), *ours]


def _is_action(action: str, service: str, names: Collection[str]) -> bool:
    prefix, _, name = action.partition(":")
    return name in names and service in {"", prefix}


def _can_be() -> bool:
    """That nobody ever called from an address or by an agent is an answer, and no mistake of whoever asks."""
    return True


def _gaps(taken: Iterable[NameOfEntity]) -> Iterator[tuple[int, int]]:
    """Where nobody of these had the name: behind one position and up to another. The call that ended it stands right
    behind its event."""
    after = 0
    for each in sorted(taken, key=lambda each: each.valid_from):
        yield after, each.valid_from - 1
        if each.valid_to is None:
            return
        after = each.valid_to + 1
    yield after, LAST_POSITION


def _lies_in(address: str, network: IPv4Network | IPv6Network) -> bool:
    """An address that is IPv4's in the form of IPv6 is that of IPv4, too."""
    try:
        found = ip_address(address)
    except ValueError:
        return False
    mapped = found.ipv4_mapped if found.version == 6 else None  # noqa: PLR2004  as IP versions are called
    return found in network or (mapped is not None and mapped in network)
