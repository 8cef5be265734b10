"""Every event, component and kind of lineage node: whoever asks here has all of them, wherever declared."""

import pkgutil
from importlib import import_module

from domain import calls, families, installation
from domain.account import components
from domain.foundation.events import current_topic, event_class, event_classes, event_from
from domain.lineage_kinds import lineage_kind, lineage_kind_names, removals_of_kinds, stands_alone

__all__ = [
    "components",
    "current_topic",
    "event_class",
    "event_classes",
    "event_from",
    "lineage_kind",
    "lineage_kind_names",
    "removals_of_kinds",
    "stands_alone",
]

DECLARING_MODULES = (
    calls,
    installation,
    *(import_module(f"{families.__name__}.{module.name}") for module in pkgutil.iter_modules(families.__path__)),
)
"""A family is found because its module lies in `domain/families`."""
