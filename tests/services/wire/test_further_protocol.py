"""A protocol that no service here speaks yet comes as one module: this one, and nothing else knows of it."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from botocore.credentials import Credentials
from botocore.parsers import create_parser
from botocore.serialize import create_serializer

from domain.account import Account
from domain.calls import Call, Outcome
from domain.foundation.errors import Refusal
from services.aws_services import aws_protocols, protocols_for
from services.ledger.database import Database
from services.wire import operations
from services.wire.errors import COMMON_ERROR_STATUSES
from services.wire.json_input import BODY, PATH, QUERY, ParseJson, compile_request, decode_body
from services.wire.json_output import SerialiseJson, compile_document
from services.wire.model import DescribedService, OperationContract, load_model
from services.wire.model_protocol import ModelProtocol, RequestedOperation
from services.wire.operations import answers, any_resource
from services.wire.protocol import CommittedOutcome, RenderedRefusal
from services.wire.raw_request import RawRequest
from services.wire.time_travel import RequestPath
from tests.services.api.in_process_server import InProcessServer, opened, signed

TARGET = "x-amz-target"
KMS = load_model("kms")
KMS.metadata["protocol"] = "further"
"""As if it spoke one that is not here."""


@dataclass(frozen=True, slots=True)
class TargetedOperationModel(OperationContract):
    parse: ParseJson
    serialise: SerialiseJson


class TargetedServiceModel(DescribedService[TargetedOperationModel]):
    protocol = "further"

    def _compiled(self, name: str) -> TargetedOperationModel:
        model = self._model.operation_model(name)
        return TargetedOperationModel(
            parameters=self._parameters(name),
            parse=compile_request(model.input_shape),
            serialise=compile_document(name, model.output_shape),
        )


class TargetedJsonProtocol(ModelProtocol[TargetedServiceModel, TargetedOperationModel]):
    """https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html"""

    service_model = TargetedServiceModel
    content_type = "application/x-amz-json-1.1"

    def serves(self, request: RawRequest, path: RequestPath) -> bool:
        return path.path == b"/" and request.header(TARGET) is not None

    def _requested(self, service: TargetedServiceModel, request: RawRequest, _path: bytes) -> RequestedOperation:
        name = (request.header(TARGET) or "").rpartition(".")[2]
        service.refuse_unknown(name)
        return RequestedOperation(name, request.body)

    def _parameters(self, shape: TargetedOperationModel, sent: bytes) -> Mapping[str, object]:
        return shape.parse({PATH: {}, QUERY: {}, BODY: decode_body(sent)})

    async def write(self, shape: TargetedOperationModel, committed: CommittedOutcome) -> bytes:
        return shape.serialise(committed.result())

    def refuse(self, refusal: Refusal, service: str | None, _request_id: str) -> RenderedRefusal:
        status = service and self.described(service).error_status(refusal.code)
        error = {"__type": refusal.code, "message": refusal.message}
        return RenderedRefusal(status or COMMON_ERROR_STATUSES[refusal.code], json.dumps(error).encode())


@pytest.fixture
def server(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[InProcessServer]:
    monkeypatch.setattr(operations, "_operations", dict(operations._operations))

    @answers("ListKeys", service="kms", on=any_resource, records="marker")
    def list_keys(account: Account, _call: Call, *, marker: str | None = None) -> Outcome:
        return Outcome(lambda _after: {"Keys": [{"KeyId": account.id}], "NextMarker": marker or "none"})

    with opened(database, tmp_path) as found:
        yield found


def asked(server: InProcessServer, operation: str, keys: Credentials, **members: object) -> dict[str, Any]:
    """What a stock client reads, of a request that it has written, through the application."""
    model = KMS.operation_model(operation)
    written = create_serializer("json").serialize_to_request(members, model)
    request = signed("POST", "/", keys, written["body"], "kms", headers=written["headers"])
    told = server.over_http(request, server.native, *protocols_for([KMS]), *aws_protocols())
    answer = {"body": told.body, "status_code": told.status, "headers": {}}
    read: dict[str, Any] = create_parser("json").parse(answer, model.output_shape)
    return read


def test_a_further_protocol_is_one_module(server: InProcessServer) -> None:
    """Its requests are told apart from the query protocol's at the same path, are signed for, allowed and recorded like
    any other, and answered in its own form."""
    read = asked(server, "ListKeys", server.admin, Marker="n1")
    assert read["Keys"] == [{"KeyId": server.account_id}]
    assert read["NextMarker"] == "n1"
    call = server.asks("/v1/history?limit=2").body["calls"][-1]
    assert (call["service"], call["operation"], call["parameters"]) == ("kms", "ListKeys", {"marker": "n1"})
    assert server.aws_does("iam", "ListUsers")[0] == 200


def test_what_a_further_protocol_refuses(server: InProcessServer) -> None:
    """Policies hold; an operation that nothing answers, and a signature for another protocol's service, are refused."""
    alice = server.user("alice")
    denied = asked(server, "ListKeys", alice)
    assert denied["Error"]["Code"] == "AccessDenied"
    assert "kms:ListKeys" in denied["Error"]["Message"]
    missing = asked(server, "ListAliases", server.admin)
    assert missing["Error"] == {
        "Code": "InvalidAction",
        "Message": "Could not find operation ListAliases for version 2014-11-01 (this server does not answer it yet)",
    }


def test_a_service_without_a_protocol_is_refused_at_the_start() -> None:
    """And not when it is first asked."""
    with pytest.raises(TypeError, match="route53 speaks rest-xml, for which there is no module"):
        protocols_for([load_model("route53")])
