"""The operations that this server answers, each registered where it is written."""

import pkgutil
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any, TypeVar

from domain.account import Account
from domain.calls import Call, Outcome
from domain.foundation.errors import ValidationError

Parameters = Mapping[str, Any]
"""As parsed from the request, under their snake_case names."""
FindResource = Callable[[Account, Call, Parameters], str]
"""The ARN that the caller has to be allowed to act on."""
FindConditionKeys = Callable[[Account, Parameters], Mapping[str, tuple[str, ...]]]
"""The condition keys that the operation itself brings, lower-cased; the tags of a user or role that it acts on come
without."""

_READ_ONLY_PREFIXES = ("Decode", "Get", "List", "Simulate", "Validate")
"""How AWS's names begin of what only tells. What is called otherwise is taken for a write: none runs on the past."""
_NOT_READ_ONLY = frozenset({"GetSessionToken"})


@dataclass(frozen=True, slots=True)
class Operation:
    service: str
    name: str
    run: Callable[..., Outcome]
    """Pure: (account, call, **parameters) -> Outcome, or a refusal."""
    on: FindResource | None
    """None where no policy is asked, or where the operation asks by itself."""
    context: FindConditionKeys
    recorded: frozenset[str]
    """The parameters that go into the ledger. Secrets, tokens and codes are never among them."""
    without: frozenset[str]
    """Parameters of AWS's operation that this server does not take yet: it refuses them, never ignores them."""
    read_only: bool
    holder: str | None = None
    """The parameter that `run` takes under the name `name`, where users, groups and roles share one function."""

    def call(self, account: Account, call: Call, parameters: dict[str, Any]) -> Outcome:
        """Raises refusals, ValidationError for a parameter that is not supported among them."""
        if refused := sorted(self.without & parameters.keys()):
            names = ", ".join("".join(part.capitalize() for part in name.split("_")) for name in refused)
            raise ValidationError(f"{self.name}: this server does not support the parameter {names} yet.")
        if self.holder is not None:
            parameters = {("name" if key == self.holder else key): value for key, value in parameters.items()}
        return self.run(account, call, **parameters)

    @property
    def action(self) -> str:
        return f"{self.service}:{self.name}"


_ENDS_ACCESS_PREFIXES = ("Contain", "Deactivate", "Delete", "Detach", "Remove", "Revoke")


def ends_access(operation: Operation, parameters: Parameters) -> bool:
    """Whether the call takes something away from somebody, which must be possible when nothing else is."""
    if operation.name == "UpdateAccessKey":
        return parameters.get("status") == "Inactive"
    return operation.name.startswith(_ENDS_ACCESS_PREFIXES)


def any_resource(_account: Account, _call: Call, _parameters: Parameters) -> str:
    """The resource of actions that know none of their own."""
    return "*"


_operations: dict[tuple[str, str], Operation] = {}
OperationFunction = TypeVar("OperationFunction", bound=Callable[..., Outcome])


def answers(
    name: str,
    *,
    service: str = "iam",
    on: FindResource | None,
    records: str = "",
    without: str = "",
    context: FindConditionKeys = lambda _account, _parameters: {},
    holder: str | None = None,
    read_only: bool | None = None,
) -> Callable[[OperationFunction], OperationFunction]:
    """Registers the decorated function for the AWS operation `name`. `records` and `without` are names of parameters,
    separated by spaces. Whether it only reads, AWS's names tell; others have to say."""
    if read_only is None:
        read_only = name.startswith(_READ_ONLY_PREFIXES) and name not in _NOT_READ_ONLY

    def register(run: OperationFunction) -> OperationFunction:
        if (service, name) in _operations:
            raise TypeError(f"{service}:{name} is answered twice.")
        _operations[service, name] = Operation(
            service,
            name,
            run,
            on,
            context,
            recorded=frozenset(records.split()),
            without=frozenset(without.split()),
            read_only=read_only,
            holder=holder,
        )
        return run

    return register


def find_operation(service: str, name: str) -> Operation | None:
    return _operations.get((service, name))


def all_operations() -> tuple[Operation, ...]:
    return tuple(_operations.values())


def require_served(services: Collection[str]) -> None:
    """Raises TypeError for an operation of any other service."""
    if unserved := [operation.action for operation in all_operations() if operation.service not in services]:
        raise TypeError(f"No protocol serves {', '.join(unserved)}.")


def import_modules(package: ModuleType) -> None:
    """What registers itself where it is written is there when its module is imported."""
    for module in pkgutil.iter_modules(package.__path__):
        import_module(f"{package.__name__}.{module.name}")
