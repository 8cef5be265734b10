"""Forms become parameters, and what the model does not allow is refused in AWS's words."""

from urllib.parse import urlencode

import pytest
from botocore.model import ServiceModel
from botocore.serialize import QuerySerializer
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from domain.foundation.errors import InvalidAction, Refusal, ValidationError
from services.wire.errors import MalformedQueryString
from services.wire.form_input import FIELDS_MAX, form_fields
from services.wire.input_shapes import ECHO_CHARACTERS_MAX, FAILURES_SHOWN_MAX
from services.wire.model import load_model
from services.wire.patterns import matcher
from services.wire.protocols.query import QueryServiceModel
from tests.services.wire.shape_values import OPERATIONS, SERVICES, SYNTHETIC, botocore_model, in_snake_case, inputs

IAM, STS = SERVICES["iam"], SERVICES["sts"]
CROSS_CHECK = settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def parse(operation: str, fields: dict[str, str], service: QueryServiceModel = IAM) -> dict[str, object]:
    return service.operation(operation).parse(fields)


def refusal(operation: str, fields: dict[str, str], service: QueryServiceModel = IAM) -> str:
    with pytest.raises(ValidationError) as refused:
        parse(operation, fields, service)
    return refused.value.message


def sent_by_botocore(model: ServiceModel, operation: str, value: object) -> dict[str, str]:
    request = QuerySerializer().serialize_to_request(value, model.operation_model(operation))
    fields = form_fields(urlencode(request["body"]).encode(), b"")
    assert (fields.pop("Action"), fields.pop("Version")) == (operation, model.api_version)
    return fields


@pytest.mark.parametrize(("service", "operation"), OPERATIONS)
@CROSS_CHECK
@given(data=st.data())
def test_what_botocore_sends_is_what_we_read(service: str, operation: str, data: st.DataObject) -> None:
    """Every operation of both models: valid input, serialised by botocore, is parsed to equal values."""
    model = botocore_model(service)
    shape = model.operation_model(operation).input_shape
    value = data.draw(inputs(shape))
    fields = sent_by_botocore(model, operation, value)
    assert parse(operation, fields, SERVICES[service]) == in_snake_case(shape, value)


@CROSS_CHECK
@given(data=st.data())
def test_forms_that_the_two_models_do_not_use(data: st.DataObject) -> None:
    """Flattened and renamed members, times and bytes are read as botocore sends them."""
    shape = SYNTHETIC.operation_model("Echo").input_shape
    value = data.draw(inputs(shape))
    fields = sent_by_botocore(SYNTHETIC, "Echo", value)
    assert parse("Echo", fields, QueryServiceModel(SYNTHETIC)) == in_snake_case(shape, value)


@pytest.mark.parametrize(("service", "operation"), OPERATIONS)
def test_required_members_and_unknown_ones(service: str, operation: str) -> None:
    """Every operation names each required member that is missing, and the field that it does not know."""
    loaded = SERVICES[service].operation(operation)
    shape = botocore_model(service).operation_model(operation).input_shape
    required = list(shape.required_members) if shape else []
    message = refusal(operation, {"Nonsense": "x"}, SERVICES[service])
    assert "Value at 'Nonsense' failed to satisfy constraint: Member must be one of [" in message
    for member in required:
        path = member[0].lower() + member[1:]
        assert f"Value null at '{path}' failed to satisfy constraint: Member must not be null" in message
    assert message.startswith(f"{len(required) + 1} validation error")
    assert sum(loaded.parameters.values()) == len(required)


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=20), max_size=9))
def test_any_fields_are_a_form(fields: dict[str, str]) -> None:
    """What a browser or an SDK encodes comes out of the body, and out of the query string, as it went in."""
    fields.pop("", None)
    encoded = urlencode(fields).encode()
    assert form_fields(encoded, b"") == form_fields(b"", encoded) == fields


@example(b"a=%ED%A0%80")
@given(st.binary(max_size=40))
def test_any_bytes_are_a_form_or_refused(body: bytes) -> None:
    """Whatever arrives, the only exception is a refusal, and what is read is text that can be written again."""
    try:
        fields = form_fields(body, b"")
    except MalformedQueryString:
        return
    assert "".join(fields).encode() is not None


@pytest.mark.parametrize(
    ("body", "query", "complaint"),
    [
        (b"a=1&a=2", b"", "more than one field named 'a'"),
        (b"a=1", b"%61=1", "more than one field named 'a'"),
        (b"a", b"", "not of the form name=value"),
        (b"=a", b"", "not of the form name=value"),
        (b"a=1&", b"", "not of the form name=value"),
        (b"a=%4", b"", "two hexadecimal digits"),
        (b"a=%4g", b"", "two hexadecimal digits"),
        (b"a=%+1", b"", "two hexadecimal digits"),
        (b"a=%FF", b"", "not text in UTF-8"),
        (b"a=\xed\xa0\x80", b"", "not text in UTF-8"),
        (b"a=%C0%AF", b"", "not text in UTF-8"),
        (b"&" * FIELDS_MAX, b"", f"more than {FIELDS_MAX} fields"),
        (b"&".join(b"%d=" % i for i in range(FIELDS_MAX)), b"one=more", f"more than {FIELDS_MAX} fields"),
    ],
)
def test_malformed_forms(body: bytes, query: bytes, complaint: str) -> None:
    """A form that two programs could read differently is refused, and the message says why."""
    with pytest.raises(MalformedQueryString, match=complaint):
        form_fields(body, query)


def test_as_many_fields_as_allowed() -> None:
    """The greatest number of fields is still a form; a plus is a space, an encoded plus is a plus."""
    body = b"&".join(b"f%d=a+%%2Bb" % number for number in range(FIELDS_MAX))
    assert list(form_fields(body, b"").values()) == ["a +b"] * FIELDS_MAX


def test_several_failures_in_one_message() -> None:
    """The wording, the order and the paths are those of AWS."""
    fields = {"UserName": "x" * 65, "Path": "a", "Tags.member.1.Key": "<", "Tags.member.1.Value": ""}
    assert refusal("CreateUser", fields | {"Tags.member.2.Value": "v"}) == (
        f"3 validation errors detected: Value '{'x' * 65}' at 'userName' failed to satisfy constraint: "
        "Member must have length less than or equal to 64; "
        "Value at 'tags.1.member.key' failed to satisfy constraint: "
        r"Member must satisfy regular expression pattern: [\p{L}\p{Z}\p{N}_.:/=+\-@]+; "
        "Value null at 'tags.2.member.key' failed to satisfy constraint: Member must not be null"
    )


@pytest.mark.parametrize(
    ("operation", "fields", "sentence"),
    [
        (
            "GetUser",
            {"UserName": "x y"},
            (
                "The specified value for userName is invalid. It must contain only alphanumeric characters and/or the "
                r"following: +=,.@_- (Value 'x y'; expected [\w+=,.@-]+)"
            ),
        ),
        (
            "CreateUser",
            {"UserName": "x y", "Path": "a"},
            (
                "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric "
                "characters and/or / characters. (Value 'a'; expected "
            ),
        ),
        (
            "CreatePolicy",
            {"PolicyName": "a", "PolicyDocument": "\u0100"},
            "The specified value for policyDocument is invalid. It must contain only printable ASCII characters. (",
        ),
    ],
)
def test_what_iam_says_in_words(operation: str, fields: dict[str, str], sentence: str) -> None:
    """Of names, paths and documents; the first of them alone."""
    assert refusal(operation, fields).startswith(sentence)


def test_sts_repeats_the_value() -> None:
    """Of a pattern too, unlike IAM."""
    message = refusal("AssumeRole", {"RoleArn": "arn:aws:iam::1:role/a", "RoleSessionName": "a b"}, SERVICES["sts"])
    assert message.startswith("1 validation error detected: Value 'a b' at 'roleSessionName' failed to satisfy const")


@pytest.mark.parametrize(
    ("operation", "fields", "failure"),
    [
        ("GetUser", {"UserName": ""}, "Value '' at 'userName' failed to satisfy constraint: Member must have length g"),
        ("GetUser", {"UserName": "a" * 129}, "'userName' failed to satisfy constraint: Member must have length less t"),
        ("GetUser", {"UserName": "a\x00"}, "The specified value for userName is invalid."),
        ("GetUser", {"UserName": "a\ud800"}, "The specified value for userName is invalid."),
        ("GetUser", {"UserName": "a\n"}, "The specified value for userName is invalid."),
        ("GetUser", {"UserName": "ä"}, "The specified value for userName is invalid."),
        ("GetUser", {"UserName.member.1": "a"}, "Value at 'userName' failed to satisfy constraint: Member must be a "),
        ("ListUsers", {"MaxItems": "0"}, "Value '0' at 'maxItems' failed to satisfy constraint: Member must have val"),
        ("ListUsers", {"MaxItems": "1001"}, "Member must have value less than or equal to 1000"),
        ("ListUsers", {"MaxItems": "9" * 30}, "at 'maxItems' failed to satisfy constraint: Member must be an integer"),
        ("ListUsers", {"MaxItems": "٣"}, "Value '٣' at 'maxItems' failed to satisfy constraint: Member must be an int"),
        ("ListUsers", {"MaxItems": " 1"}, "Member must be an integer"),
        (
            "UpdateAccessKey",
            {"AccessKeyId": "A" * 16, "Status": "on"},
            "Value at 'status' failed to satisfy constraint: Member must satisfy enum value set: [Active, ",
        ),
        (
            "CreateLoginProfile",
            {"UserName": "a", "Password": "p", "PasswordResetRequired": "yes"},
            "Value 'yes' at 'passwordResetRequired' failed to satisfy constraint: Member must be true or false",
        ),
        ("TagUser", {"UserName": "a", "Tags": "x"}, "Value at 'tags' failed to satisfy constraint: Member must be num"),
        ("TagUser", {"UserName": "a", "Tags.member": ""}, "Value at 'tags' failed to satisfy constraint: Member must"),
        ("TagUser", {"UserName": "a", "Tags.item.1.Key": "k"}, "numbered from member.1 on without gaps"),
        ("TagUser", {"UserName": "a", "Tags.member.1": "k"}, "Value at 'tags.1.member' failed to satisfy constraint:"),
        ("UntagUser", {"UserName": "a", "TagKeys.member.2": "k"}, "numbered from member.1 on without gaps"),
        ("UntagUser", {"UserName": "a", "TagKeys.member.01": "k"}, "numbered from member.1 on without gaps"),
        ("UntagUser", {"UserName": "a", "TagKeys.member.1": "k", "TagKeys.member.1000000000000": "k"}, "without gaps"),
        (
            "UntagUser",
            {"UserName": "a", **{f"TagKeys.member.{i}": "k" for i in range(1, 52)}},
            "Value at 'tagKeys' failed to satisfy constraint: Member must have length less than or equal to 50",
        ),
    ],
)
def test_what_the_model_does_not_allow(operation: str, fields: dict[str, str], failure: str) -> None:
    """Each kind of constraint is checked, whole values against ASCII's idea of words and digits, as in Java."""
    assert failure in refusal(operation, fields)


def test_one_value_and_a_group_of_values() -> None:
    """A name cannot have a value and parts at once, in whichever order they come."""
    for fields in ({"Tags": "x", "Tags.member.1.Key": "k"}, {"Tags.member.1.Key": "k", "Tags": "x"}):
        assert "both as one value and as a group" in refusal("TagUser", {"UserName": "a", **fields})


def test_an_empty_list() -> None:
    """`Tags=` is how SDKs send a list without elements."""
    assert parse("TagUser", {"UserName": "a", "Tags": ""}) == {"user_name": "a", "tags": []}


def test_lengths_at_their_limits() -> None:
    """The longest and the shortest value that the model allows pass; beyond, no pattern runs."""
    assert parse("GetUser", {"UserName": "a" * 128}) == {"user_name": "a" * 128}
    assert parse("GetUser", {"UserName": "a"}) == {"user_name": "a"}
    assert "The specified value for userName is invalid." in refusal("GetUser", {"UserName": "!" * 128})
    assert "regular expression" not in refusal("GetUser", {"UserName": "!" * 129})


def test_a_union_has_one_member() -> None:
    """Of a union exactly one member may be sent."""
    fields = {"PolicySourceArn": "a" * 20, "ActionNames.member.1": "iam:GetUser"}
    first = {"PolicyExclusionList.member.1.PolicyType": "scp"}
    assert parse("SimulatePrincipalPolicy", fields | first)["policy_exclusion_list"] == [{"policy_type": "scp"}]
    second = {"PolicyExclusionList.member.1.PolicyArn": "a" * 20}
    assert "at 'policyExclusionList.1.member' failed to satisfy constraint: Member must be exactly one of" in refusal(
        "SimulatePrincipalPolicy", fields | first | second
    )


def test_map_keys_are_unique() -> None:
    """A map's key that comes twice is refused: neither of its values is more right than the other."""
    fields = {"FlatMap.1.key": "a", "FlatMap.1.value": "1", "FlatMap.2.key": "a", "FlatMap.2.value": "2"}
    assert "Map keys must be unique" in refusal("Echo", fields, QueryServiceModel(SYNTHETIC))


@pytest.mark.parametrize(
    ("fields", "failure"),
    [
        ({"Time": "2026-11-23"}, "Value '2026-11-23' at 'time' failed to satisfy constraint: Member must be a time"),
        ({"Time": "2026-11-23T21:37:00"}, "Member must be a time such as 2026-11-23T21:37:00Z"),
        ({"Time": "2026-13-23T21:37:00Z"}, "Member must be a time such as 2026-11-23T21:37:00Z"),
        ({"Time": "0001-01-01T00:00:00+23:00"}, "Member must be a time such as 2026-11-23T21:37:00Z"),
        ({"Blob": "a"}, "Value 'a' at 'blob' failed to satisfy constraint: Member must be base64"),
        ({"Blob": "é==="}, "Member must be base64"),
        ({"Long": str(2**63)}, f"Member must have value less than or equal to {2**63 - 1}"),
        ({"FlatMap": ""}, "numbered from 1 on without gaps"),
        ({"FlatMap.1.key": "a"}, "Value null at 'flatMap.1.value' failed to satisfy constraint: Member must not be"),
    ],
)
def test_types_that_the_two_models_do_not_use(fields: dict[str, str], failure: str) -> None:
    """Times without a zone, bytes that are not base64 and numbers beyond their type are refused."""
    assert failure in refusal("Echo", fields, QueryServiceModel(SYNTHETIC))


@pytest.mark.parametrize(
    ("service", "operation", "member"),
    [
        (IAM, "ChangePassword", "NewPassword"),
        (IAM, "UploadServerCertificate", "PrivateKey"),
        (IAM, "EnableMFADevice", "AuthenticationCode1"),
        (STS, "GetSessionToken", "TokenCode"),
        (STS, "AssumeRoleWithWebIdentity", "WebIdentityToken"),
    ],
)
def test_secrets_are_not_echoed(service: QueryServiceModel, operation: str, member: str) -> None:
    """A secret that is not allowed is told from its name; its value is in no message."""
    secret = "ß€cret" * 20_000
    path = member[0].lower() + member[1:]
    message = refusal(operation, {member: secret}, service)
    assert f"Value at '{path}' failed to satisfy constraint" in message
    assert "ß€cret" not in message


def test_messages_are_bounded() -> None:
    """Neither long values, nor long names, nor many failures make a message long."""
    message = refusal("GetUser", {"UserName": "a" * 10**6, "b" * 10**6: "c"})
    assert f"Value '{'a' * ECHO_CHARACTERS_MAX}…' at 'userName'" in message
    assert len(message) < 1_000
    message = refusal("GetUser", {f"f{number}": "x" for number in range(FIELDS_MAX)})
    assert message.startswith(f"{FIELDS_MAX} validation errors detected: ")
    assert message.endswith(f"; and {FIELDS_MAX - FAILURES_SHOWN_MAX} more")
    assert message.count("Value at") == FAILURES_SHOWN_MAX


@given(st.text(), st.text())
def test_any_text_is_parsed_or_refused(name: str, value: str) -> None:
    """No field, lone surrogates and U+0000 included, leads to any exception but a refusal."""
    for fields in ({name: value}, {"UserName": value}, {f"Tags.{name}": value}, {f"Tags.member.1.{name}": value}):
        try:
            parse("CreateUser", fields)
        except Refusal as refused:
            assert refused.code == "ValidationError"  # noqa: PT017  other exceptions must fail the test as they are


@pytest.mark.parametrize("text", ["a\x00bc", "ab\x01c", "abc\ud800", "abc\uffff"])
def test_text_without_a_pattern_has_to_fit_into_an_answer(text: str) -> None:
    """Where the model has no pattern, a text that no XML could carry back is refused; any other passes intact."""
    given = {"RoleArn": "r" * 20, "PrincipalArn": "p" * 20}
    with pytest.raises(ValidationError, match="Value at 'sAMLAssertion' failed to satisfy constraint"):
        parse("AssumeRoleWithSAML", given | {"SAMLAssertion": text}, STS)
    intact = "a\tb\r\nç 日本 \U0001f511"
    assert parse("AssumeRoleWithSAML", given | {"SAMLAssertion": intact}, STS)["saml_assertion"] == intact


def test_every_pattern_compiles() -> None:
    """Every pattern of both models is a regular expression of Python's after translation."""
    patterns = {
        shape.metadata["pattern"]
        for service in SERVICES
        for shape in map(botocore_model(service).shape_for, botocore_model(service).shape_names)
        if "pattern" in shape.metadata
    }
    assert len(patterns) > 40
    assert all(callable(matcher(pattern)) for pattern in patterns)


@pytest.mark.parametrize(
    ("pattern", "accepted", "refused"),
    [
        (
            r"[\p{L}\p{Z}\p{N}_.:/=+\-@]*",
            ["", "Straße 12", "日本語", "\U0001d4b3", "٣", "a\u2028b", "-@"],
            ["a\n", "!", "é€", "\u0301"],
        ),
        (r"[\p{S}\p{P}\p{M}]+", ["€", "!", "\u0301"], ["a", " ", "\ud800"]),
        (r"[\w+=,.@-]+", ["a_B9+=,.@-"], ["é", "٣", "", "a\n"]),
        (r"[\d]+", ["09"], ["٣"]),
        (r"^p-[0-9a-zA-Z_]{8,128}$", ["p-12345678"], ["p-12345678\n", "xp-12345678"]),
        (r"(\u002F)|(\u002F[\u0021-\u007E]+\u002F)", ["/", "/a/b/"], ["", "//\n", "/ /", "a/"]),
        (r"[\u0009\u000A\u000D\u0020-\u00FF]+", ["\t\n\r ÿ"], ["Ā", "\x0b"]),
    ],
)
def test_patterns_mean_what_they_mean_in_java(pattern: str, accepted: list[str], refused: list[str]) -> None:
    """Unicode categories, ASCII words and digits, four-digit escapes, and always the whole value."""
    matches = matcher(pattern)
    assert [text for text in accepted if not matches(text)] == []
    assert [text for text in refused if matches(text)] == []


def test_unknown_operations() -> None:
    """AWS's sentence, in which a long name is cut."""
    with pytest.raises(InvalidAction, match=r"^Could not find operation Launch for version 2010-05-08$"):
        IAM.operation("Launch")
    with pytest.raises(InvalidAction) as refused:
        STS.operation("x" * 10**6)
    assert len(refused.value.message) < 400


def test_an_operation_describes_itself() -> None:
    """Parameters are named as the domain names them; errors have the status that the service's model has for them."""
    operation = IAM.operation("CreateUser")
    assert operation.parameters == {"path": False, "user_name": True, "permissions_boundary": False, "tags": False}
    assert IAM.version == "2010-05-08"
    assert IAM.error_status("DeleteConflict") == 409
    assert IAM.operation("CreateUser") is operation


def test_services_of_another_protocol() -> None:
    """A service that does not speak the query protocol is refused when it is loaded, not when it is called."""
    with pytest.raises(TypeError, match="cloudtrail speaks json"):
        QueryServiceModel(load_model("cloudtrail"))
