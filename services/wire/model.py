"""The services as botocore's models describe them: nothing about an operation's wire form is written by hand."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from botocore import xform_name
from botocore.loaders import Loader
from botocore.model import ServiceModel

from domain.errors import InvalidAction
from services.wire.parse import Parse, compile_input
from services.wire.reading import excerpt
from services.wire.serialise import Serialise, compile_output
from services.wire.shapes import Shape

_MODEL_FORMAT = "service-2"
_SENDER_FAULT = 400


@dataclass(frozen=True, slots=True)
class Operation:
    name: str
    service: "Service"
    parameters: Mapping[str, bool]
    """Names in snake_case, and whether the parameter is required."""
    parse: Parse
    serialise: Serialise
    _statuses: Mapping[str, int]

    def error_status(self, code: str) -> int | None:
        """The HTTP status of an error that the model declares for this operation; None for any other code."""
        return self._statuses.get(code)


class Service:
    def __init__(self, name: str, model: ServiceModel) -> None:
        if model.metadata["protocol"] != "query":
            raise TypeError(f"{name} speaks {model.metadata['protocol']}; this is the query protocol.")
        self.name = name
        self.version: str = model.api_version
        self.namespace: str = model.metadata["xmlNamespace"]
        self.operation_names = frozenset[str](model.operation_names)
        self._model = model
        self._statuses = _statuses(model.error_shapes)
        self._operations: dict[str, Operation] = {}

    @classmethod
    def load(cls, name: str) -> "Service":
        """The newest model that came with botocore. Others, such as one in somebody's home directory, do not count."""
        loader = Loader(extra_search_paths=[Loader.BUILTIN_DATA_PATH], include_default_search_paths=False)
        return cls(name, ServiceModel(loader.load_service_model(name, _MODEL_FORMAT), name))

    def operation(self, name: str) -> Operation:
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

    def _compiled(self, name: str) -> Operation:
        model = self._model.operation_model(name)
        taken: Shape | None = model.input_shape
        given: Shape | None = model.output_shape
        required = taken.required_members if taken else ()
        parameters = {xform_name(member): member in required for member in (taken.members if taken else ())}
        return Operation(
            name=name,
            service=self,
            parameters=MappingProxyType(parameters),
            parse=compile_input(taken),
            serialise=compile_output(name, given, self.namespace),
            _statuses=_statuses(model.error_shapes),
        )


def _statuses(errors: list[Shape]) -> Mapping[str, int]:
    """HTTP status by code. An error of which the model gives no code goes by its shape's name, as in botocore."""
    declared = [(shape.name, shape.metadata.get("error", {})) for shape in errors]
    return {error.get("code", name): error.get("httpStatusCode", _SENDER_FAULT) for name, error in declared}
