"""The services that speak rest-json, as botocore's models describe them."""

from dataclasses import dataclass

from botocore.model import ServiceModel

from services.wire.errors import UnknownPath
from services.wire.json_input import ParseJson, compile_request
from services.wire.json_output import SerialiseJson, compile_document
from services.wire.model import DescribedService, OperationContract
from services.wire.routes import match_path


@dataclass(frozen=True, slots=True)
class RestOperationModel(OperationContract):
    parse: ParseJson
    serialise: SerialiseJson


class RestServiceModel(DescribedService[RestOperationModel]):
    """Named as in the credential scope, and so in actions; botocore's directory may be called otherwise."""

    protocol = "rest-json"

    def __init__(self, name: str, model: ServiceModel) -> None:
        super().__init__(model.metadata.get("signingName", name), model)
        routes = [
            (http["method"], http["requestUri"], operation)
            for operation in sorted(self.operation_names)
            for http in [model.operation_model(operation).http]
        ]
        # Of two templates that fit a path, the one that spells out more of it is meant.
        self._routes = sorted(routes, key=lambda route: [segment.startswith("{") for segment in route[1].split("/")])

    @property
    def first_segments(self) -> frozenset[bytes]:
        """With which the paths of its operations begin."""
        return frozenset(template.split("/")[1].encode("ascii") for _, template, _ in self._routes)

    def route(self, method: str, path: bytes) -> tuple[str, dict[str, str]]:
        """The operation that is asked for there, and the parameters in the path. Raises UnknownPath."""
        for known_method, template, operation in self._routes:
            if method == known_method and (found := match_path(template, path)) is not None:
                return operation, found
        raise UnknownPath(f"{self.name} has no operation of this method and path.")

    def has_member(self, error: str, member: str) -> bool:
        """Whether the model's error of that code has such a member."""
        return any(shape.name == error and member in shape.members for shape in self._model.error_shapes)

    def _compiled(self, name: str) -> RestOperationModel:
        model = self._model.operation_model(name)
        return RestOperationModel(
            **self._contract(name),
            parse=compile_request(model.input_shape),
            serialise=compile_document(name, model.output_shape),
        )
