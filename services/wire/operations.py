"""The operations that this server answers, each registered where it is written."""

import pkgutil
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType, ModuleType
from typing import Any, NamedTuple, Self, TypeVar

from domain.account import Account
from domain.calls import Call, Outcome

Parameters = Mapping[str, Any]
"""As parsed from the request, under their snake_case names."""


class TargetResource(NamedTuple):
    """What the caller has to be allowed to act on."""

    arn: str
    """The one that it has, by which policies know it."""
    named: str
    """As the caller has named it, which is all that a refusal tells."""
    context: Mapping[str, tuple[str, ...]] = MappingProxyType({})
    """Condition keys, as those of `FindConditionKeys`, that only the call has found out."""

    @classmethod
    def of_arn(cls, arn: str) -> Self:
        """Of what the caller has named by its ARN, or which has the caller's own or none."""
        return cls(arn, arn)


FindResource = Callable[[Account, Call, Parameters], TargetResource]
FindConditionKeys = Callable[[Account, Parameters], Mapping[str, tuple[str, ...]]]
"""The condition keys that the operation itself brings, lower-cased; the tags of a user or role that it acts on come
without."""
EndsAccess = Callable[[Parameters], bool]
CheckSizes = Callable[[Parameters], None]
"""Raises a refusal for parameters beyond limits that AWS's model does not have, before anybody asks who may."""

_READ_ONLY_PREFIXES = ("Check", "Decode", "Describe", "Get", "List", "Simulate", "Validate")
"""How AWS's names begin of what only tells. What is called otherwise is taken for a write: none runs on the past."""
_NOT_READ_ONLY = frozenset({"GetFederationToken", "GetSessionToken"})
_ENDING_ACCESS_PREFIXES = ("Deactivate", "Delete", "Detach", "Remove")
"""How AWS's names begin of what takes something away."""


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
    read_only: bool
    ends_access: EndsAccess
    """Whether a call with these parameters is in the reserved lane (docs/adr/0042)."""
    check_sizes: CheckSizes
    holder: str | None = None
    """The parameter that `run` takes under the name `name`, where users, groups and roles share one function."""
    allowed_as: str | None = None
    """The name of the action that policies know, where it is another."""
    run_as_of: Callable[..., Outcome] | None = None
    """What answers about the past, where it is not `run`."""

    @property
    def tells_past(self) -> bool:
        return self.read_only or self.run_as_of is not None

    def call(self, account: Account, call: Call, parameters: dict[str, Any]) -> Outcome:
        """Raises refusals."""
        return self._run(self.run, account, call, parameters)

    def call_as_of(self, account: Account, call: Call, parameters: dict[str, Any]) -> Outcome:
        """Of one that tells the past. Raises refusals."""
        return self._run(self.run_as_of or self.run, account, call, parameters)

    def _run(self, run: Callable[..., Outcome], account: Account, call: Call, parameters: dict[str, Any]) -> Outcome:
        if self.holder is not None:
            parameters = {("name" if key == self.holder else key): value for key, value in parameters.items()}
        return run(account, call, **parameters)

    @property
    def action(self) -> str:
        return f"{self.service}:{self.allowed_as or self.name}"


def may_deny(parameters: Parameters) -> bool:
    """Of what saves a policy: a Deny is how AWS has sessions revoked and users locked out
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_revoke-sessions.html)."""
    return "Deny" in parameters.get("policy_document", "") or "DenyAll" in parameters.get("policy_arn", "")


def any_resource(_account: Account, _call: Call, _parameters: Parameters) -> TargetResource:
    """The resource of actions that know none of their own."""
    return TargetResource.of_arn("*")


_operations: dict[tuple[str, str], Operation] = {}
_refused: dict[tuple[str, str], str] = {}
_others: dict[str, str] = {}
OperationFunction = TypeVar("OperationFunction", bound=Callable[..., Outcome])


def answers(
    name: str,
    *,
    service: str = "iam",
    on: FindResource | None,
    records: str = "",
    context: FindConditionKeys = lambda _account, _parameters: {},
    holder: str | None = None,
    read_only: bool | None = None,
    ends_access: EndsAccess | None = None,
    check_sizes: CheckSizes = lambda _parameters: None,
    allowed_as: str | None = None,
    run_as_of: Callable[..., Outcome] | None = None,
) -> Callable[[OperationFunction], OperationFunction]:
    """Registers the decorated function for the AWS operation `name`. `records` are names of parameters, separated by
    spaces. Whether it only reads, and whether it ends access, AWS's names tell; others have to say. `run_as_of` answers
    about the past instead, and changes nothing."""
    if read_only is None:
        read_only = name.startswith(_READ_ONLY_PREFIXES) and name not in _NOT_READ_ONLY

    if ends_access is None:
        takes_away = name.startswith(_ENDING_ACCESS_PREFIXES)
        ends_access = lambda _parameters: takes_away  # noqa: E731

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
            read_only=read_only,
            ends_access=ends_access,
            check_sizes=check_sizes,
            holder=holder,
            allowed_as=allowed_as,
            run_as_of=run_as_of,
        )
        return run

    return register


def refuse_always(service: str, name: str, reason: str) -> None:
    """Registers an operation of AWS's that this server does not answer, and why."""
    _refused[service, name] = reason


def refuse_others(service: str, reason: str) -> None:
    """Why this server does not answer the operations of a service that are not registered."""
    _others[service] = reason


def refusal_reason(service: str, name: str) -> str | None:
    """Of an operation that AWS has; None of one that is answered, or of a name that is empty."""
    if not name or (service, name) in _operations:
        return None
    return _refused.get((service, name)) or _others.get(service)


def find_operation(service: str, name: str) -> Operation | None:
    return _operations.get((service, name))


def is_known_operation(service: str, name: str) -> bool:
    """Whether AWS has it, be it that it is refused here."""
    return (service, name) in _operations or (service, name) in _refused


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
