"""Every operation keeps to its contract with botocore's model: parameters, refusals, records."""

import inspect
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, get_args

import pytest
from botocore import xform_name
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from domain.families.access_keys import ACCESS_KEYS
from domain.families.credential_use import CredentialUsed
from domain.foundation.errors import Refusal
from domain.foundation.events import Use
from services.iam import users
from services.wire.authentication import VerifiedCredential
from services.wire.errors import COMMON_ERROR_STATUSES
from services.wire.json_errors import JSON_ERRORS
from services.wire.operations import Operation, answers, find_operation
from services.wire.protocols.ec2 import EC2_ERRORS
from services.wire.shapes import Shape, is_secret
from tests.services.endpoint import ACCOUNT, ALL, SERVICES, Endpoint, allow, trusting
from tests.services.wire.operation_values import OF_SERVICES, TRUST_POLICIES, VALUES

EACH = pytest.mark.parametrize("operation", ALL, ids=lambda operation: f"{operation.service}:{operation.name}")


def own_parameters(operation: Operation) -> dict[str, bool]:
    """Those that the function takes, under the wire's names, and whether each is required. Functions that share some
    take them as a TypedDict."""
    own: dict[str, bool] = {}
    for name, parameter in inspect.signature(operation.run).parameters.items():
        if parameter.kind is parameter.KEYWORD_ONLY:
            own[operation.holder if name == "name" and operation.holder else name] = (
                parameter.default is parameter.empty
            )
        elif parameter.kind is parameter.VAR_KEYWORD:
            (shared,) = get_args(parameter.annotation)
            own |= {member: member in shared.__required_keys__ for member in shared.__annotations__}
    return own


def test_there_are_operations() -> None:
    """All services have registered theirs, so that the tests below are about something."""
    assert {operation.service for operation in ALL} == SERVICES.keys()
    assert len(ALL) > 50
    assert all(find_operation(operation.service, operation.name) is operation for operation in ALL)


def test_an_operation_is_answered_once() -> None:
    """A second function for the same operation is a defect that shows when the program starts."""
    with pytest.raises(TypeError, match="iam:CreateUser is answered twice"):
        answers("CreateUser", on=None)(users.create_user)


@EACH
def test_the_signature_is_the_contract(operation: Operation) -> None:
    """The keyword-only parameters and those that are refused are the model's members, each once; what the model
    requires has no default, and nothing that it requires is refused."""
    model = SERVICES[operation.service].operation(operation.name).parameters
    own = own_parameters(operation)
    assert own.keys() == model.keys()
    assert {name for name, required in own.items() if required} == {name for name, needed in model.items() if needed}


@EACH
def test_account_and_call_come_first(operation: Operation) -> None:
    """Every operation is a function of the account and the call; the rest comes by keyword."""
    kinds = [parameter.kind for parameter in inspect.signature(operation.run).parameters.values()]
    assert kinds[:2] == [inspect.Parameter.POSITIONAL_OR_KEYWORD] * 2
    assert set(kinds[2:]) <= {inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_KEYWORD}


@EACH
def test_what_is_recorded(operation: Operation) -> None:
    """Only the operation's own parameters, and none that is a secret, a token or a code."""
    assert operation.recorded <= own_parameters(operation).keys()
    shape = SERVICES[operation.service]._model.operation_model(operation.name).input_shape
    for member, member_shape in (shape.members if shape else {}).items():
        assert xform_name(member) not in operation.recorded or not holds_secrets(member, member_shape)


MISTAKEN_FOR_KEYS = frozenset(
    {"certificate_body", "certificate_chain", "saml_metadata_document", "ssh_public_key_body"}
)
"""In which people send private keys by mistake: nothing of them is recorded, not how they begin either. Of what is
taken, an event has the digest."""


def holds_secrets(member: str, shape: Shape) -> bool:
    """Itself, or a member of a structure."""
    within = shape.members if shape.type_name == "structure" else {}
    return is_secret(member, shape) or any(holds_secrets(*each) for each in within.items())


@EACH
def test_everything_but_secrets_is_recorded(operation: Operation) -> None:
    """No parameter that may be recorded is forgotten: an auditor sees what was asked for."""
    shape = SERVICES[operation.service]._model.operation_model(operation.name).input_shape
    members = shape.members if shape else {}
    secrets = {xform_name(member) for member, member_shape in members.items() if holds_secrets(member, member_shape)}
    assert operation.recorded == own_parameters(operation).keys() - secrets - MISTAKEN_FOR_KEYS


WRITING = [operation for operation in ALL if not operation.read_only]


@st.composite
def requests(
    draw: st.DrawFn, endpoint: Endpoint, callers: Sequence[VerifiedCredential]
) -> tuple[Operation, dict[str, Any]]:
    """Mostly operations that change something, so that the others have something to read; no caller's own key."""
    operation = draw(st.sampled_from(WRITING) | st.sampled_from(ALL))
    shape = SERVICES[operation.service]._model.operation_model(operation.name).input_shape
    members = {} if shape is None else shape.members
    wanted = [name for name in members if name in shape.required_members or draw(st.booleans())]
    values = VALUES | OF_SERVICES.get(operation.service, {})
    if operation.name == "UpdateAssumeRolePolicy":
        values = VALUES | {"PolicyDocument": TRUST_POLICIES}
    keys = sorted(set(endpoint.account[ACCESS_KEYS].by_id) - {caller.access_key_id for caller in callers})
    values = values | {"AccessKeyId": st.sampled_from([*keys, "AKIAQNZGKIQY56JQ7WML"])}
    return operation, {name: draw(values[name]) for name in wanted}


def qualified(operation: Operation) -> str:
    return f"{operation.service}:{operation.name}"


def played(data: st.DataObject) -> dict[str, set[str]]:
    """Codes of refusals by operation, in a random history of calls by the root user and by an administrator. Every
    answer has passed through the model's serialiser, and every refusal has been one of the service's."""
    endpoint = Endpoint()
    callers = [endpoint.root, endpoint.user("root-like", allow())]
    endpoint.user("ann")
    endpoint.role("ann", trusting(ACCOUNT))
    endpoint.call(endpoint.root, "CreateGroup", GroupName="ann")
    endpoint.call(endpoint.root, "AddUserToGroup", GroupName="ann", UserName="ann")
    codes: dict[str, set[str]] = defaultdict(set)
    for _ in range(data.draw(st.integers(10, 40))):
        operation, members = data.draw(requests(endpoint, callers))
        before = endpoint.account.position
        try:
            endpoint.call(data.draw(st.sampled_from(callers)), qualified(operation), **members)
        except Refusal as refusal:
            codes[qualified(operation)].add(refusal.code)
        else:
            assert not operation.read_only or only_used(endpoint, before)
    return codes


def only_used(endpoint: Endpoint, before: int) -> bool:
    """Whether nothing has changed since but the last use of a credential."""
    return all(isinstance(entry.event, CredentialUsed | Use) for entry in endpoint.entries if entry.position > before)


COMMON_CODES: Mapping[str, Mapping[str, object]] = {
    "ec2": EC2_ERRORS,
    "json": JSON_ERRORS,
    "query": COMMON_ERROR_STATUSES,
    "rest-json": JSON_ERRORS,
}
"""Of all operations, by protocol."""


def is_known(operation: Operation, code: str) -> bool:
    declared = SERVICES[operation.service]._model.operation_model(operation.name).error_shapes
    common = COMMON_CODES[SERVICES[operation.service].protocol]
    return code in {*common, *(shape.metadata.get("error", {}).get("code", shape.name) for shape in declared)}


@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.data())
def test_refusals_are_errors_that_the_model_declares(data: st.DataObject) -> None:
    """Whatever an operation refuses with, its clients know: the model has the code for just this operation, or it is
    common to all. And a call that only reads changes nothing but the last use of a credential."""
    for name, codes in played(data).items():
        (operation,) = (operation for operation in ALL if qualified(operation) == name)
        unknown = {code for code in codes if not is_known(operation, code)}
        assert not unknown, f"{name} refuses with {unknown}"


def test_the_random_calls_reach_the_refusals() -> None:
    """The property above is about something: each of these is met."""
    reached: set[str] = set()

    @settings(
        derandomize=True,
        deadline=None,
        max_examples=120,
        phases=[Phase.generate],
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def collect(data: st.DataObject) -> None:
        reached.update(*played(data).values())

    collect()
    assert reached >= {
        "AccessDenied",
        "DeleteConflict",
        "EntityAlreadyExists",
        "InvalidInput",
        "LimitExceeded",
        "MalformedPolicyDocument",
        "NoSuchEntity",
        "ValidationError",
    }
