"""What containment does not undo, as commands of the aws CLI, in an order that works: first what lets somebody in, then
what was tied and untied, then what was created, each emptied before it is deleted.

Containing ends credentials. It leaves users, roles, policies and trust where they are, for a person to judge: that
person can run these one by one. What `contain --restore` does is not among them, where it is advised. The leaked key
itself, which is inactive by then, goes last.
"""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from domain.account import Account
from domain.entity_kinds import find_entity
from domain.families.access_keys import ACCESS_KEYS
from domain.families.boundaries import boundary_arn
from domain.families.containment import CONTAINED_POLICY_NAME
from domain.families.groups import GROUPS, MEMBERSHIPS
from domain.families.policies import ATTACHMENTS, INLINE_POLICIES, MANAGED_POLICIES, NO_INLINE_POLICIES, ManagedPolicy
from domain.families.roles import ROLES, Role
from domain.families.users import USERS
from domain.foundation.identifiers import account_of_arn
from domain.foundation.suggested_commands import suggested_command
from domain.read_models.lineage import LineageNode
from domain.registry import removals_of_kinds
from domain.rules.protected_roles import is_service_linked
from domain.rules.roles import served_trust_policy

AccountBefore = Callable[[int], Account]
"""The account as it was at a position."""

_TRUST: frozenset[str] = frozenset({"trust_policy"})
_INLINE: frozenset[str] = frozenset({"inline_policy", "inline_policy_removed"})
_ATTACHED: frozenset[str] = frozenset({"attachment", "detachment"})
_MEMBER: frozenset[str] = frozenset({"membership", "membership_removed"})
_BOUNDARY: frozenset[str] = frozenset({"boundary", "boundary_removed"})
_VERSIONS: frozenset[str] = frozenset({"policy_version", "policy_default"})
_UNDONE_HERE = _TRUST | _INLINE | _ATTACHED | _MEMBER | _BOUNDARY | _VERSIONS | {
    "user", "role", "group", "policy", "activation", "session",
}  # fmt: skip
"""Sessions end when they are contained."""


@dataclass(frozen=True, slots=True)
class Remediation:
    """Of one account, whose created_nodes are given; those of others need commands of their own."""

    now: Account
    """As it will be when these are run."""
    before: AccountBefore
    other: Callable[[str], Account]
    """Another account by its id, at the moment of `now`."""
    created_nodes: Sequence[LineageNode]
    """Of this account, in the order of their positions; without the seed, which nobody of them has made."""
    seed: LineageNode | None = None
    """Where it is of this account."""

    def commands(self) -> list[str]:
        steps = [
            *self._trust(),
            *self._keys(),
            *self._removals(),
            *self._defaults(),
            *self._ties(),
            *self._entities(),
            *self._policies(),
            *self._seed(),
        ]
        return list(dict.fromkeys(steps))

    @property
    def left(self) -> int:
        """So many still stand that no command is known to undo."""
        undone = _UNDONE_HERE.union(removals_of_kinds())
        return sum(node.alive and node.kind not in undone for node in self.created_nodes)

    def _of(self, kinds: Iterable[str], states: Collection[str] = ("active",)) -> Iterator[LineageNode]:
        """Births of these kinds that still stand, and belong to nothing that is going to be deleted."""
        created = self._created
        for node in self.created_nodes:
            if node.kind in kinds and node.state in states and node.owner_id not in created:
                yield node

    @property
    def _created(self) -> frozenset[str]:
        return frozenset(
            node.subject_id for node in self.created_nodes if node.kind in {"user", "role", "group", "policy"}
        )

    def _before(self, last: LineageNode, kinds: frozenset[str]) -> Account:
        """The account before the created_nodes that followed one upon the other and ended with this one."""
        same = [node for node in self.created_nodes if node.kind in kinds and node.owner_id == last.owner_id]
        if kinds not in {_TRUST, _BOUNDARY}:
            same = [node for node in same if node.subject_id == last.subject_id]
        replaced = {node.since.position: node for node in same if node.since is not None}
        position = last.position
        while position in replaced:
            position = replaced[position].position
        return self.before(position - 1)

    def _trust(self) -> Iterator[str]:
        for node in self._of(_TRUST):
            role = self.now[ROLES].by_id.get(node.owner_id)
            former = self._before(node, _TRUST)[ROLES].by_id.get(node.owner_id)
            if role is not None and former is not None and former.trust_policy != role.trust_policy:
                document = _on_one_line(self._trust_of_now(former))
                yield aws_command("update-assume-role-policy", role_name=role.name, policy_document=document)

    def _trust_of_now(self, former: Role) -> str:
        """With the ARNs that those have now whom it meant."""
        named = {account_of_arn(arn) for arn in former.trusted} - {None, self.now.id}
        return served_trust_policy(self.now, former, {other: self.other(other) for other in named if other})

    def _keys(self) -> Iterator[str]:
        for node in self.created_nodes:
            key = self.now[ACCESS_KEYS].by_id.get(node.subject_id)
            if key is None or node.owner_id in self._created:
                continue
            if node.kind in {"access_key", "activation"} and key.status == "Active":
                yield _key_command("update-access-key", self.now, node, status="Inactive")
            if node.kind == "access_key":
                yield _key_command("delete-access-key", self.now, node)

    def _seed(self) -> Iterator[str]:
        if (
            self.seed is not None
            and self.seed.kind == "access_key"
            and self.seed.subject_id in self.now[ACCESS_KEYS].by_id
        ):
            yield _key_command("delete-access-key", self.now, self.seed)

    def _removals(self) -> Iterator[str]:
        for kind, removals in removals_of_kinds().items():
            for node in self._of({kind}, states=("active", "inactive")):
                for subject_id, command in removals(self.now, node.owner_id):
                    if subject_id == node.subject_id:
                        yield aws_command(command.operation, **command.options)

    def _defaults(self) -> Iterator[str]:
        """Of policies that are not created by them."""
        for arn in dict.fromkeys(node.owner_id for node in self.created_nodes if node.kind in _VERSIONS):
            policy = self.now[MANAGED_POLICIES].get(arn)
            created_nodes = [node for node in self.created_nodes if node.kind in _VERSIONS and node.owner_id == arn]
            former = self.before(created_nodes[0].position - 1)[MANAGED_POLICIES].get(arn)
            if policy is not None and former is not None and arn not in self._created:
                yield from _version_commands(policy, former, created_nodes)

    def _ties(self) -> Iterator[str]:
        for node in self._of(_INLINE):
            yield from self._inline(node)
        for node in self._of(_ATTACHED):
            entity, arn = kind_and_name(self.now, node.owner_id), node.subject_id
            attached = (node.owner_id, arn) in self._before(node, _ATTACHED)[ATTACHMENTS]
            if entity is not None and attached != ((node.owner_id, arn) in self.now[ATTACHMENTS]):
                verb = "attach" if attached else "detach"
                if not attached or arn in self.now[MANAGED_POLICIES]:
                    yield _entity_command(entity, f"{verb}-{{}}-policy", policy_arn=arn)
        for node in self._of(_MEMBER):
            user, group = self.now[USERS].by_id.get(node.owner_id), self.now[GROUPS].by_id.get(node.subject_id)
            was_in = (node.owner_id, node.subject_id) in self._before(node, _MEMBER)[MEMBERSHIPS]
            is_in = (node.owner_id, node.subject_id) in self.now[MEMBERSHIPS]
            if user is not None and group is not None and was_in != is_in:
                verb = "add-user-to-group" if was_in else "remove-user-from-group"
                yield aws_command(verb, group_name=group.name, user_name=user.name)
        for node in self._of(_BOUNDARY):
            yield from self._boundary(node)

    def _inline(self, node: LineageNode) -> Iterator[str]:
        entity, name = kind_and_name(self.now, node.owner_id), node.subject_id
        held = self._before(node, _INLINE)[INLINE_POLICIES].get(node.owner_id)
        former = None if held is None else held.get(name)
        if entity is None or former == self.now[INLINE_POLICIES].get(node.owner_id, NO_INLINE_POLICIES).get(name):
            return
        if former is not None:
            yield _entity_command(entity, "put-{}-policy", policy_name=name, policy_document=_on_one_line(former))
        elif node.kind == "inline_policy":
            yield _entity_command(entity, "delete-{}-policy", policy_name=name)

    def _boundary(self, node: LineageNode) -> Iterator[str]:
        entity = kind_and_name(self.now, node.owner_id)
        former = self._before(node, _BOUNDARY)
        bounded = former[USERS].by_id.get(node.owner_id) or former[ROLES].by_id.get(node.owner_id)
        if entity is None or bounded is None:
            return
        former_arn = boundary_arn(former, bounded.id)
        if former_arn == boundary_arn(self.now, bounded.id):
            return
        if former_arn is not None:
            yield _entity_command(entity, "put-{}-permissions-boundary", permissions_boundary=former_arn)
        elif node.kind == "boundary":
            yield _entity_command(entity, "delete-{}-permissions-boundary")

    def _entities(self) -> Iterator[str]:
        for kind in ("user", "role", "group"):
            for node in self.created_nodes:
                entity = kind_and_name(self.now, node.subject_id) if node.kind == kind else None
                if entity is not None and is_service_linked(self.now[ROLES].by_id.get(node.subject_id)):
                    yield aws_command("delete-service-linked-role", role_name=entity[1])
                elif entity is not None:
                    yield from _emptying_commands(self.now, node.subject_id, entity)
                    yield _entity_command(entity, "delete-{}")

    def _policies(self) -> Iterator[str]:
        for node in self.created_nodes:
            policy = self.now[MANAGED_POLICIES].get(node.subject_id) if node.kind == "policy" else None
            if policy is None:
                continue
            for holder_id in self.now[ATTACHMENTS].lefts_of(policy.arn):
                entity = kind_and_name(self.now, holder_id)
                if entity is not None and holder_id not in self._created:
                    yield _entity_command(entity, "detach-{}-policy", policy_arn=policy.arn)
            for number in sorted(policy.versions):
                if number != policy.default_version:
                    yield aws_command("delete-policy-version", policy_arn=policy.arn, version_id=f"v{number}")
            yield aws_command("delete-policy", policy_arn=policy.arn)


def _version_commands(policy: ManagedPolicy, former: ManagedPolicy, nodes: Sequence[LineageNode]) -> Iterator[str]:
    """The default of before, where it is still one of theirs, and then none of the versions that they made. An old
    version that is gone is written once more, when there is room for it."""
    versions = {node.version for node in nodes if node.kind == "policy_version"}
    made = {version.id for version in policy.versions.values() if version.id in versions}
    theirs = any(node.state == "active" for node in nodes)
    kept = former.default if theirs else policy.default
    if kept.number in policy.versions and kept.number != policy.default_version:
        yield aws_command("set-default-policy-version", policy_arn=policy.arn, version_id=kept.id)
    for version_id in sorted(made - {kept.id, policy.default.id}):
        yield aws_command("delete-policy-version", policy_arn=policy.arn, version_id=version_id)
    if kept.number not in policy.versions:
        document = _on_one_line(kept.document)
        yield aws_command("create-policy-version", "--set-as-default", policy_arn=policy.arn, policy_document=document)
    if policy.default.id in made - {kept.id}:
        yield aws_command("delete-policy-version", policy_arn=policy.arn, version_id=policy.default.id)


def _emptying_commands(now: Account, entity_id: str, entity: tuple[str, str]) -> Iterator[str]:
    """All that has to go before a user, role or group can be deleted. What contains it goes last."""
    kind, name = entity
    for removals in removals_of_kinds().values():
        for _, command in removals(now, entity_id):
            yield aws_command(command.operation, **command.options)
    for group_id in now[MEMBERSHIPS].rights_of(entity_id):
        yield aws_command("remove-user-from-group", group_name=now[GROUPS].by_id[group_id].name, user_name=name)
    if kind == "group":
        for user_id in now[MEMBERSHIPS].lefts_of(entity_id):
            yield aws_command("remove-user-from-group", group_name=name, user_name=now[USERS].by_id[user_id].name)
    for arn in now[ATTACHMENTS].rights_of(entity_id):
        yield _entity_command(entity, "detach-{}-policy", policy_arn=arn)
    inline = set(now[INLINE_POLICIES].get(entity_id, {})) - {CONTAINED_POLICY_NAME}
    for policy_name in sorted(inline):
        yield _entity_command(entity, "delete-{}-policy", policy_name=policy_name)
    if kind != "group":
        # Containing gives it one that denies everything, and nothing may be left on what is deleted.
        yield _entity_command(entity, "delete-{}-policy", policy_name=CONTAINED_POLICY_NAME)


def kind_and_name(account: Account, entity_id: str) -> tuple[str, str] | None:
    """Of a user, role or group."""
    found = find_entity(account, entity_id)
    return None if found is None else (found[0].noun, found[1].name)


def _entity_command(entity: tuple[str, str], operation: str, **options: str) -> str:
    kind, name = entity
    return aws_command(operation.format(kind), **{f"{kind}_name": name}, **options)


def _key_command(operation: str, now: Account, node: LineageNode, **options: str) -> str:
    """A key of root's is the caller's own: only root can run it."""
    user = now[USERS].by_id.get(node.owner_id)
    owner = {} if user is None else {"user_name": user.name}
    return aws_command(operation, **owner, access_key_id=node.subject_id, **options)


def aws_command(operation: str, *flags: str, **options: str) -> str:
    return suggested_command("aws", "iam", operation, *flags, **options)


def _on_one_line(document: str) -> str:
    """The same JSON in ASCII: a terminal shows it as it is, and a shell takes it as it is shown."""
    return json.dumps(json.loads(document), separators=(",", ":"))
