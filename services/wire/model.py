"""The services as botocore's models describe them: nothing about an operation's wire form is written by hand."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, Generic, Self, TypedDict, TypeVar

from botocore import xform_name
from botocore.loaders import Loader
from botocore.model import ServiceModel

from domain.foundation.errors import InvalidAction
from services.wire.form_input import ParseForm, compile_input
from services.wire.input_shapes import excerpt
from services.wire.shapes import Shape
from services.wire.xml_output import SerialiseXml, compile_output

_MODEL_FORMAT = "service-2"
_SENDER_FAULT = 400


@dataclass(frozen=True, slots=True)
class OperationContract:
    """An operation, whatever protocol it is asked for in."""

    name: str
    parameters: Mapping[str, bool]
    """Names in snake_case, and whether the parameter is required."""
    statuses: Mapping[str, int]
    """HTTP status by the code of an error that the model declares for this operation."""

    def error_status(self, code: str) -> int | None:
        """None for a code that the model does not declare for this operation."""
        return self.statuses.get(code)


class _ContractFields(TypedDict):
    name: str
    parameters: Mapping[str, bool]
    statuses: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class OperationModel(OperationContract):
    parse: ParseForm
    serialise: SerialiseXml


Compiled = TypeVar("Compiled", bound=OperationContract)


class DescribedService(ABC, Generic[Compiled]):
    """A service, whatever protocol it speaks; how the operations of one are compiled, its class says."""

    protocol: ClassVar[str]

    def __init__(self, name: str, model: ServiceModel) -> None:
        if model.metadata["protocol"] != self.protocol:
            raise TypeError(f"{name} speaks {model.metadata['protocol']}; this is the {self.protocol} protocol.")
        self.name = name
        self.version: str = model.api_version
        self.operation_names = frozenset[str](model.operation_names)
        self._model = model
        self._statuses = _statuses(model.error_shapes)
        self._operations: dict[str, Compiled] = {}

    @classmethod
    def load(cls, name: str) -> Self:
        """The newest model that came with botocore. Others, such as one in somebody's home directory, do not count."""
        loader = Loader(extra_search_paths=[Loader.BUILTIN_DATA_PATH], include_default_search_paths=False)
        return cls(name, ServiceModel(loader.load_service_model(name, _MODEL_FORMAT), name))

    def operation(self, name: str) -> Compiled:
        """The operation of that name, compiled when first asked for. Raises InvalidAction."""
        known = self._operations.get(name)
        if known is None:
            if name not in self.operation_names:
                raise InvalidAction(f"Could not find operation {excerpt(name)} for version {self.version}")
            known = self._operations[name] = self._compiled(name)
        return known

    def error_status(self, code: str) -> int | None:
        """The HTTP status of an error that the model has for any operation; None for any other code."""
        return self._statuses.get(code)

    @abstractmethod
    def _compiled(self, name: str) -> Compiled: ...

    def _contract(self, name: str) -> _ContractFields:
        model = self._model.operation_model(name)
        taken: Shape | None = model.input_shape
        required = taken.required_members if taken else ()
        parameters = {xform_name(member): member in required for member in (taken.members if taken else ())}
        return _ContractFields(
            name=name, parameters=MappingProxyType(parameters), statuses=_statuses(model.error_shapes)
        )


class QueryServiceModel(DescribedService[OperationModel]):
    """One that speaks the query protocol."""

    protocol = "query"

    @property
    def namespace(self) -> str:
        namespace: str = self._model.metadata["xmlNamespace"]
        return namespace

    def _compiled(self, name: str) -> OperationModel:
        model = self._model.operation_model(name)
        return OperationModel(
            **self._contract(name),
            parse=compile_input(model.input_shape),
            serialise=compile_output(name, model.output_shape, self.namespace),
        )


def _statuses(errors: list[Shape]) -> Mapping[str, int]:
    """HTTP status by code. An error of which the model gives no code goes by its shape's name, as in botocore."""
    declared = [(shape.name, shape.metadata.get("error", {})) for shape in errors]
    return {error.get("code", name): error.get("httpStatusCode", _SENDER_FAULT) for name, error in declared}
