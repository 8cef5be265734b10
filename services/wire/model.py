"""The services as botocore's models describe them: nothing about an operation's wire form is written by hand."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, Generic, TypeVar

from botocore import xform_name
from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel

from domain.foundation.errors import InvalidAction
from services.wire.input_shapes import excerpt
from services.wire.shapes import Shape

_MODEL_FORMAT = "service-2"
_SENDER_FAULT = 400


@dataclass(frozen=True, slots=True)
class OperationContract:
    """An operation, whatever protocol it is asked for in."""

    parameters: Mapping[str, bool]
    """Names in snake_case, and whether the parameter is required."""


Compiled = TypeVar("Compiled", bound=OperationContract)


def load_model(directory: str) -> ServiceModel:
    """The newest model that came with botocore, by the name of its directory. Others, such as one in somebody's home
    directory, do not count."""
    loader = Loader(extra_search_paths=[Loader.BUILTIN_DATA_PATH], include_default_search_paths=False)
    return ServiceModel(loader.load_service_model(directory, _MODEL_FORMAT), directory)


class DescribedService(ABC, Generic[Compiled]):
    """A service, whatever protocol it speaks; how the operations of one are compiled, its class says. Named as in the
    credential scope, and so in actions; botocore's directory may be called otherwise."""

    protocol: ClassVar[str]
    """As the models call it."""

    def __init__(self, model: ServiceModel) -> None:
        self.name: str = model.signing_name
        if model.metadata["protocol"] != self.protocol:
            raise TypeError(f"{self.name} speaks {model.metadata['protocol']}; this is the {self.protocol} protocol.")
        self.version: str = model.api_version
        self.operation_names = frozenset[str](model.operation_names)
        self.unsigned = frozenset(name for name in self.operation_names if _is_unsigned(model.operation_model(name)))
        """Operations that AWS takes without a signature."""
        self._model = model
        # An error of which the model gives no code goes by its shape's name, as in botocore.
        errors = [(shape.name, shape.metadata.get("error", {})) for shape in model.error_shapes]
        self._statuses: dict[str, int] = {
            error.get("code", name): error.get("httpStatusCode", _SENDER_FAULT) for name, error in errors
        }
        self._operations: dict[str, Compiled] = {}

    def operation(self, name: str) -> Compiled:
        """The operation of that name, compiled when first asked for. Raises InvalidAction."""
        known = self._operations.get(name)
        if known is None:
            self.refuse_unknown(name)
            known = self._operations[name] = self._compiled(name)
        return known

    def refuse_unknown(self, name: str) -> None:
        """Raises InvalidAction for an operation that the service does not have."""
        if name not in self.operation_names:
            raise InvalidAction(f"Could not find operation {excerpt(name)} for version {self.version}")

    def error_status(self, code: str) -> int | None:
        """The HTTP status of an error that the model has for any operation; None for any other code."""
        return self._statuses.get(code)

    def has_member(self, error: str, member: str) -> bool:
        """Whether the model's error of that code has such a member."""
        return any(shape.name == error and member in shape.members for shape in self._model.error_shapes)

    @abstractmethod
    def _compiled(self, name: str) -> Compiled: ...

    def _parameters(self, name: str) -> Mapping[str, bool]:
        taken: Shape | None = self._model.operation_model(name).input_shape
        required = taken.required_members if taken else ()
        return MappingProxyType({xform_name(member): member in required for member in (taken.members if taken else ())})


def _is_unsigned(operation: OperationModel) -> bool:
    return operation.auth_type == "none" or "smithy.api#noAuth" in (operation.auth or ())
