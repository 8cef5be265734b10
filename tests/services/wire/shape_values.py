"""Values that fit a shape, for the tests in which botocore and our code check one another."""

from datetime import UTC, datetime
from urllib.parse import quote

from botocore import xform_name
from botocore.model import ServiceModel
from hypothesis import strategies as st

from services.wire.model import load_model
from services.wire.output_shapes import POLICY_DOCUMENT
from services.wire.patterns import matcher
from services.wire.protocols.query import QueryServiceModel
from services.wire.shapes import Shape

SERVICES = {name: QueryServiceModel(load_model(name)) for name in ("iam", "sts")}
OPERATIONS = [(service, name) for service, loaded in SERVICES.items() for name in sorted(loaded.operation_names)]

# Spoken in the languages of the models' patterns; each pattern finds some of these to its liking.
_SAMPLES = (
    *("a", "Z9", "team", "1", "123456", "/", "/a/", "/team/x/", "a.b:c=d@e-f", "naïve café\u3000Ω", "日本", "a b"),
    *(
        "arn:aws:s3:eu-central-1:123456789012:accesspoint/a",
        "arn:aws:s3express:eu-central-1:123456789012:accesspoint/a",
    ),
    *("arn:aws:access-analyzer:eu-central-1:123456789012:analyzer/a", "vpc-01234567"),
    *("arn:aws:cloudtrail:eu-central-1:123456789012:trail/a", "01234567-89ab-cdef-0123-456789abcdef"),
    *("arn:aws:iam::123456789012:role/team/x", "https://example.org/a?b=c#d", "v1", "p-12345678", "o-0123456789"),
    *(
        "o-0123456789/r-abcd/x",
        "alias-1",
        '{"Version": "2012-10-17"}',
        "us-east-1",
        "123456789012",
        "AKIAIOSFODNN7EXAMPLE",
    ),
)
_XML_CHARACTERS = st.characters(
    exclude_categories=["Cs", "Cc"], include_characters="\t\n\r\x85", exclude_characters="\ufffe\uffff"
)
_XML_TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), max_size=9)


def botocore_model(service: str) -> ServiceModel:
    return SERVICES[service]._model


def inputs(shape: Shape | None) -> st.SearchStrategy[object]:
    """What the model allows a client to send."""
    return st.just({}) if shape is None else _structures(shape)


def _inputs(shape: Shape) -> st.SearchStrategy[object]:
    least = shape.metadata.get("min", 0)
    if shape.type_name == "structure":
        return _structures(shape).filter(bool)  # the query protocol has no words for an empty structure within another
    if shape.type_name == "list":
        most = min(least + 2, shape.metadata.get("max", least + 2))
        return st.lists(_inputs(shape.member), min_size=least, max_size=most)
    if shape.type_name == "map":  # nor for an empty map
        return st.dictionaries(_inputs(shape.key), _inputs(shape.value), min_size=1, max_size=2)
    if shape.type_name == "string":
        return _strings(shape)
    if "min" in shape.metadata or "max" in shape.metadata:
        return st.integers(least, shape.metadata.get("max", 2**31 - 1))
    return _SCALARS[shape.type_name]


def _structures(shape: Shape) -> st.SearchStrategy[object]:
    members = {name: _inputs(member) for name, member in shape.members.items()}
    if shape.metadata.get("union"):
        return st.one_of([st.fixed_dictionaries({name: member}) for name, member in members.items()])
    return _dictionaries(shape, members)


def outputs(shape: Shape | None) -> st.SearchStrategy[object]:
    """What an answer of this shape may hold."""
    if shape is None:
        return st.just({})
    if shape.type_name == "structure":
        members = {name: outputs(member) for name, member in shape.members.items()}
        if shape.metadata.get("union"):
            return st.one_of([st.fixed_dictionaries({name: member}) for name, member in members.items()])
        return _dictionaries(shape, members)
    if shape.type_name == "list":
        return st.lists(outputs(shape.member), max_size=2)
    if shape.type_name == "map":
        return st.dictionaries(outputs(shape.key), outputs(shape.value), max_size=2)
    return _SCALARS[shape.type_name]


def _dictionaries(shape: Shape, members: dict[str, st.SearchStrategy[object]]) -> st.SearchStrategy[object]:
    required = {name: strategy for name, strategy in members.items() if name in shape.required_members}
    optional = {name: strategy for name, strategy in members.items() if name not in required}
    return st.fixed_dictionaries(required, optional=optional)


def _strings(shape: Shape) -> st.SearchStrategy[object]:
    if "enum" in shape.metadata:
        return st.sampled_from(shape.metadata["enum"])
    least, most = shape.metadata.get("min", 0), shape.metadata.get("max", 2_000)
    if "pattern" not in shape.metadata:
        return st.text(_XML_CHARACTERS, min_size=least, max_size=min(least + 20, most))
    matches = matcher(shape.metadata["pattern"])
    longer = (sample + sample[-1] * (least - len(sample)) for sample in _SAMPLES)
    return st.sampled_from([sample for sample in longer if len(sample) <= most and matches(sample)])


_SCALARS: dict[str, st.SearchStrategy[object]] = {
    "blob": st.binary(max_size=9),
    "boolean": st.booleans(),
    "integer": st.integers(-(2**31), 2**31 - 1),
    "long": st.integers(-(2**63), 2**63 - 1),
    "string": _XML_TEXT,
    "timestamp": st.datetimes(
        datetime(1970, 1, 1),  # noqa: DTZ001  hypothesis wants its bounds naive
        datetime(2199, 1, 1),  # noqa: DTZ001  as above
        timezones=st.just(UTC),
    ).map(lambda time: time.replace(microsecond=0)),
}


def in_snake_case(shape: Shape | None, value: object) -> object:
    """A client's input as our operations are handed it."""
    if isinstance(value, dict) and shape is not None and shape.type_name == "structure":
        return {xform_name(name): in_snake_case(shape.members[name], inner) for name, inner in value.items()}
    if isinstance(value, dict) and shape is not None:
        return {key: in_snake_case(shape.value, inner) for key, inner in value.items()}
    if isinstance(value, list) and shape is not None:
        return [in_snake_case(shape.member, inner) for inner in value]
    return value


def with_policies_encoded(shape: Shape | None, value: object) -> object:
    """An output as stock clients see it before they decode its policy documents."""
    if isinstance(value, dict) and shape is not None and shape.type_name == "structure":
        return {name: with_policies_encoded(shape.members[name], inner) for name, inner in value.items()}
    if isinstance(value, list) and shape is not None:
        return [with_policies_encoded(shape.member, inner) for inner in value]
    if isinstance(value, str) and shape is not None and shape.name == POLICY_DOCUMENT:
        return quote(value, safe="")
    return value


SYNTHETIC = ServiceModel(
    {
        "metadata": {
            "apiVersion": "2026-11-23",
            "endpointPrefix": "echo",
            "protocol": "query",
            "xmlNamespace": "https://example.org/",
        },
        "operations": {
            "Echo": {
                "name": "Echo",
                "http": {"method": "POST", "requestUri": "/"},
                "input": {"shape": "Everything"},
                "output": {"shape": "Everything", "resultWrapper": "EchoResult"},
            }
        },
        "shapes": {
            "Everything": {
                "type": "structure",
                "members": {
                    "Blob": {"shape": "Blob"},
                    "Time": {"shape": "Time"},
                    "Long": {"shape": "Long"},
                    "Renamed": {"shape": "Text", "locationName": "Other"},
                    "Flat": {"shape": "FlatList"},
                    "FlatNamed": {"shape": "FlatNamedList"},
                    "Named": {"shape": "NamedList"},
                    "FlatMap": {"shape": "FlatMap"},
                    "NamedMap": {"shape": "NamedMap"},
                },
            },
            "Blob": {"type": "blob"},
            "Time": {"type": "timestamp"},
            "Long": {"type": "long"},
            "Text": {"type": "string", "min": 1},
            "FlatList": {"type": "list", "flattened": True, "member": {"shape": "Text"}, "min": 1},
            "FlatNamedList": {
                "type": "list",
                "flattened": True,
                "member": {"shape": "Text", "locationName": "Piece"},
                "min": 1,
            },
            "NamedList": {"type": "list", "member": {"shape": "Text", "locationName": "Piece"}},
            "FlatMap": {"type": "map", "flattened": True, "key": {"shape": "Text"}, "value": {"shape": "Long"}},
            "NamedMap": {
                "type": "map",
                "key": {"shape": "Text", "locationName": "Name"},
                "value": {"shape": "Long", "locationName": "Count"},
            },
        },
    },
    "echo",
)
"""What the query protocol knows and the models of IAM and STS make no use of today."""
