"""What CloudTrail calls the parameters and errors of an operation: as botocore's model of the service has them."""

from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

from botocore import xform_name
from botocore.model import OperationModel, ServiceModel

from services.wire.model import load_model
from services.wire.shapes import Shape

DIRECTORIES: Mapping[str, str] = {
    "access-analyzer": "accessanalyzer",
    **{name: name for name in ("account", "cloudtrail", "config", "ec2", "iam", "organizations", "securityhub", "sts")},
}
"""Of botocore, by the names of the services that are answered here: no other name is looked for in any file."""


class WireNames(NamedTuple):
    """Of one operation."""

    taken: Shape | None
    errors: Mapping[str, str]
    """The names of the service's errors, by their codes: NoSuchEntityException by NoSuchEntity."""
    answers: bool
    """Whether there is anything in its answer."""

    def parameters(self, given: Mapping[str, object]) -> dict[str, object]:
        """From their names in snake case."""
        return _members(given, self.taken)


UNKNOWN = WireNames(None, {}, answers=True)


@cache
def _model(service: str) -> ServiceModel:
    return load_model(DIRECTORIES[service])


@cache
def _errors(service: str) -> Mapping[str, str]:
    shapes = _model(service).error_shapes
    return {shape.metadata.get("error", {}).get("code", shape.name): shape.name for shape in shapes}


def wire_names(service: str, operation: str) -> WireNames:
    if service not in DIRECTORIES or operation not in _model(service).operation_names:
        return UNKNOWN
    return _of_operation(service, operation)


@cache
def _of_operation(service: str, operation: str) -> WireNames:
    model: OperationModel = _model(service).operation_model(operation)
    answer = model.output_shape
    return WireNames(model.input_shape, _errors(service), answers=answer is not None and bool(answer.members))


def _members(given: Mapping[str, object], shape: Shape | None) -> dict[str, object]:
    known: Mapping[str, str] = {} if shape is None or shape.type_name != "structure" else _snake_names(shape)
    named: dict[str, object] = {}
    for name, value in given.items():
        member = known.get(name, name)
        inner = shape.members[member] if shape is not None and name in known else None
        named[_lowered(member) if name in known else _camel(name)] = _value(value, inner)
    return named


def _value(value: object, shape: Shape | None) -> object:
    if isinstance(value, list):
        item = shape.member if shape is not None and shape.type_name == "list" else None
        return [_value(each, item) for each in value]
    if not isinstance(value, Mapping):
        return value
    if shape is not None and shape.type_name == "map":  # Its keys are the client's.
        return {key: _value(each, shape.value) for key, each in value.items()}
    return _members(value, shape)


def _snake_names(shape: Shape) -> Mapping[str, str]:
    return {xform_name(member): member for member in shape.members}


def _lowered(member: str) -> str:
    return member[:1].lower() + member[1:]


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(other.title() for other in others)
