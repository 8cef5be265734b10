"""The smallest readable policy that allows what was used, and nothing of another kind."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from itertools import takewhile
from typing import NamedTuple

from domain.policy import (
    MANAGED_POLICY_CHARACTERS_MAX,
    ROLE_INLINE_POLICIES_CHARACTERS_MAX,
    USER_INLINE_POLICIES_CHARACTERS_MAX,
    ActionCatalogue,
    FindingType,
    PolicyType,
    lint,
    parse,
    policy_size,
)
from domain.policy.wildcards import ARN_PARTS, arn_parts
from domain.read_models.least_privilege import CoveringPolicy, GeneralizedPattern

RESOURCES_LISTED_MAX = 10
"""ARNs of one type under one action. Where there are more, a pattern stands for them."""
QUOTAS: Mapping[str, int] = {
    "an inline policy of a user": USER_INLINE_POLICIES_CHARACTERS_MAX,
    "a managed policy": MANAGED_POLICY_CHARACTERS_MAX,
    "an inline policy of a role": ROLE_INLINE_POLICIES_CHARACTERS_MAX,
}
"""Characters without white space, the least first."""
EVERYTHING = "*"
_ESCAPED = str.maketrans({"*": "${*}", "?": "${?}", "$": "${$}"})
"""What would be a wildcard or a variable in a policy, and is a character of a path or name that somebody chose."""


class UsedPermission(NamedTuple):
    action: str
    resource: str
    """As it was recorded: an ARN, `*`, or whatever a client gave for an ARN."""


class _Width(IntEnum):
    """How much is written as a pattern. Each step is taken for all actions at once, when the one before is too long."""

    AS_USED = 0
    BY_PATH = 1
    """Wherever there are two of a type: the path that they share."""
    BY_TYPE = 2
    """All of the type."""


class _Written(NamedTuple):
    text: str
    resources: int
    exact: bool


def least_privilege(used: Iterable[UsedPermission], catalogue: ActionCatalogue) -> CoveringPolicy | None:
    """A document without errors for the linter: the first that fits a managed policy, or the widest. None where nothing
    was used, for there is no policy that allows nothing.

    A pattern reaches no farther than all resources of a type in one account, save that nothing but `*` covers what a
    policy cannot name, such as a text that is no ARN.
    """
    by_action: dict[str, set[str]] = defaultdict(set)
    for action, resource in used:
        by_action[action].add(resource)
    if not by_action:
        return None
    found = _policy_of(by_action, _Width.AS_USED, catalogue)
    for width in (_Width.BY_PATH, _Width.BY_TYPE):
        if found.characters > MANAGED_POLICY_CHARACTERS_MAX:
            found = _policy_of(by_action, width, catalogue)
    return found


def _policy_of(by_action: Mapping[str, Collection[str]], width: _Width, catalogue: ActionCatalogue) -> CoveringPolicy:
    actions: dict[tuple[str, ...], list[str]] = defaultdict(list)
    generalised: list[GeneralizedPattern] = []
    for action in sorted(by_action):
        written = sorted(_Action(action, catalogue).written(by_action[action], width))
        actions[tuple(each.text for each in written)].append(action)
        generalised += [GeneralizedPattern(action, each.text, each.resources) for each in written if not each.exact]
    document = _document(actions)
    characters = policy_size(document)
    fits = tuple(what for what, limit in QUOTAS.items() if characters <= limit)
    return CoveringPolicy(document, characters, fits, tuple(generalised))


def _document(actions: Mapping[tuple[str, ...], list[str]]) -> str:
    statements = [
        {"Effect": "Allow", "Action": _one_or_all(allowed), "Resource": _one_or_all(resources)}
        for resources, allowed in sorted(actions.items(), key=lambda item: item[1])
    ]
    # In ASCII without control characters: people look at it on terminals, and somebody else chose the names in it.
    text = json.dumps({"Version": "2012-10-17", "Statement": statements}, indent=2)
    return text.replace("\x7f", "\\u007f")


def _one_or_all(texts: Collection[str]) -> str | list[str]:
    listed = list(texts)
    return listed[0] if len(listed) == 1 else listed


@dataclass(frozen=True, slots=True)
class _Action:
    """What stands under Resource for one action."""

    name: str
    catalogue: ActionCatalogue

    def written(self, resources: Collection[str], width: _Width) -> Collection[_Written]:
        if EVERYTHING in resources:
            return [_Written(EVERYTHING, 1, exact=True)]
        of_type: dict[str | None, list[str]] = defaultdict(list)
        for resource in resources:
            of_type[_type_of(resource)].append(resource)
        found = [each for type_of, of in of_type.items() for each in self._of_type(type_of, of, width)]
        wide = sum(each.resources for each in found if each.text == EVERYTHING)
        return [_Written(EVERYTHING, wide, exact=False)] if wide else found

    def _of_type(self, type_of: str | None, resources: list[str], width: _Width) -> Iterator[_Written]:
        listed_max = RESOURCES_LISTED_MAX if width is _Width.AS_USED else 1
        left = resources
        if type_of is None or (width < _Width.BY_TYPE and len(resources) <= listed_max):
            left = []
            for resource in resources:
                text = resource.translate(_ESCAPED)
                if self._may_stand(text, [resource]):
                    yield _Written(text, 1, exact=True)
                else:
                    left.append(resource)
        if left:
            yield _Written(self._pattern(type_of, left, width), len(left), exact=False)

    def _pattern(self, type_of: str | None, resources: Collection[str], width: _Width) -> str:
        """The narrowest that may stand there."""
        if type_of is not None:
            paths = [type_of] if width is _Width.BY_TYPE else [_shared_path(resources), type_of]
            for path in paths:
                pattern = path.translate(_ESCAPED) + "*"
                if self._may_stand(pattern, resources):
                    return pattern
        return EVERYTHING

    def _may_stand(self, pattern: str, resources: Iterable[str]) -> bool:
        """Whether it is good in a policy, where some characters are not, and some only in the last part of an ARN; and
        matches these."""
        statement = {"Effect": "Allow", "Action": self.name, "Resource": pattern}
        text = json.dumps({"Version": "2012-10-17", "Statement": statement}, ensure_ascii=False)
        if any(found.type is FindingType.ERROR for found in lint(text, PolicyType.IDENTITY, self.catalogue)):
            return False
        fits = parse(text, PolicyType.IDENTITY).statements[0].fits
        return fits is None or all(fits(resource, {}) for resource in resources)


def _type_of(resource: str) -> str | None:
    """The ARN up to the slash behind the type of its resource; None where there is none."""
    parts = arn_parts(resource)
    if len(parts) < ARN_PARTS or "/" not in parts[-1]:
        return None
    return ":".join([*parts[:-1], parts[-1].partition("/")[0]]) + "/"


def _shared_path(resources: Collection[str]) -> str:
    """Up to the last slash that they have in common; that of the type at least."""
    levels = zip(*(resource.split("/")[:-1] for resource in resources), strict=False)
    return "".join(f"{level[0]}/" for level in takewhile(lambda level: len(set(level)) == 1, levels))
