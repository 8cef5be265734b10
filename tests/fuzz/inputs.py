"""What an attacker might send: nearly right, so that it comes further than noise does."""

import json
from urllib.parse import quote

from hypothesis import strategies as st

SURROGATES = ("\ud800", "\udfff")
TEXTS = st.one_of(
    st.text(st.characters(), max_size=20),
    st.sampled_from(
        [
            "",
            "*",
            "\0",
            *SURROGATES,
            "\u202e",
            "\ufffe",
            "İ",
            "ß" * 64,
            "a" * 65,
            "a" * 2_049,
            "😀" * 128,
            "9" * 5_000,
            "-0",
            "1e999",
            "${aws:username}",
            "arn:aws:iam::123456789012:user/*",
            "arn:aws:iam::" + ":" * 500,
            "p1",
            "p0",
            "p999999999999999999",
            "0001-01-01T00:00:00+23:59",
            "9999-12-31T23:59:59-23:59",
            "2026-02-30T00:00:00Z",
            "2026-01-01T24:00:00Z",
        ]
    ),
)
_SCALARS = st.one_of(TEXTS, st.none(), st.booleans(), st.integers(), st.just(10**300), st.floats(), st.just([]))
_NAMES = st.sampled_from(
    [
        "Version",
        "Id",
        "Statement",
        "Sid",
        "Effect",
        "Action",
        "NotAction",
        "Resource",
        "NotResource",
        "Principal",
        "NotPrincipal",
        "Condition",
        "AWS",
        "Service",
        "Federated",
        "StringLike",
        "DateLessThan",
        "Null",
        "aws:x",
    ]
)
_VALUES = st.sampled_from(["2012-10-17", "Allow", "Deny", "*", "iam:*", "sts:AssumeRole", "123456789012", "true", "1"])
JSON = st.recursive(
    _SCALARS | _VALUES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_NAMES | TEXTS, inner, max_size=5),
    max_leaves=25,
)


def deep(levels: int, inner: str, *, lists: bool) -> str:
    """JSON within that many levels."""
    return "[" * levels + inner + "]" * levels if lists else '{"Statement":' * levels + inner + "}" * levels


DOCUMENTS = st.one_of(
    JSON.map(json.dumps),
    st.builds(
        lambda statement, more: json.dumps({"Version": "2012-10-17", "Statement": statement, **more}),
        st.lists(
            st.fixed_dictionaries(
                {"Effect": st.just("Allow") | TEXTS},
                optional={
                    "Action": _VALUES | st.lists(TEXTS | _VALUES, max_size=3),
                    "Resource": _VALUES | st.lists(TEXTS | _VALUES, max_size=3),
                    "Principal": st.just("*") | st.dictionaries(_NAMES, TEXTS | _VALUES, max_size=2),
                    "Condition": st.dictionaries(_NAMES, st.dictionaries(_NAMES, TEXTS | _VALUES, max_size=2)),
                    "Sid": TEXTS,
                },
            ),
            max_size=3,
        ),
        st.dictionaries(st.sampled_from(["Id", "Sid", "Version"]), TEXTS, max_size=1),
    ),
    st.builds(deep, st.integers(1, 3_000), TEXTS.map(json.dumps), lists=st.booleans()),
    st.text(st.characters(max_codepoint=0xFF), max_size=60),
    st.sampled_from(['{"a":1,"a":2}', "NaN", "-Infinity", "1" * 5_000, "[" * 131_072, '"\\ud800"', '{"\\u0000":0}']),
)


BODIES = st.one_of(
    st.just(b""),
    JSON.map(lambda value: json.dumps(value).encode()),
    st.binary(max_size=30),
    st.sampled_from([b'{"limit":' + b"9" * 5_000 + b"}", b'{"a":' * 50_000, b'{"a":1,"a":2}', b'{"\\ud800":1}']),
)
"""Of the native API, which takes JSON."""

FIELD_NAMES = st.sampled_from(
    [
        "UserName",
        "NewUserName",
        "RoleName",
        "PolicyName",
        "PolicyDocument",
        "PolicyArn",
        "Path",
        "PathPrefix",
        "MaxItems",
        "Marker",
        "Tags.member.1.Key",
        "Tags.member.2.Value",
        "Tags.member.999999999999.Key",
        "Tags",
        "Tags.member",
        "RoleArn",
        "RoleSessionName",
        "DurationSeconds",
        "Policy",
        "PolicyArns.member.1.arn",
        "ExternalId",
        "AccessKeyId",
        "Status",
        "MaxSessionDuration",
        "AssumeRolePolicyDocument",
        "a." * 30 + "b",
        "X-Amz-Date",
        "Action",
    ]
)


def percent(text: str) -> str:
    """Percent-encoded, lone surrogates as the three bytes that UTF-8 forbids."""
    return quote(text.encode("utf-8", "surrogatepass"), safe="")


def encoded(fields: list[tuple[str, str]]) -> bytes:
    return "&".join(f"{percent(name)}={percent(value)}" for name, value in fields).encode("ascii")


FORMS = st.lists(st.tuples(FIELD_NAMES | TEXTS, TEXTS | DOCUMENTS), max_size=6).map(encoded)

PIECES = st.one_of(
    st.sampled_from(
        [
            b"\r\n",
            b"\r\n\r\n",
            b"\n",
            b"\r",
            b"\0",
            b" ",
            b"POST / HTTP/1.1\r\n",
            b"GET /v1/history HTTP/1.1\r\n",
            b"GET /health/ready HTTP/1.0\r\n",
            b"OPTIONS * HTTP/1.1\r\n",
            b"CONNECT example.org:443 HTTP/1.1\r\n",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            b"GET http://example.org/v1/../x?%00 HTTP/1.1\r\n",
            b"POST /" + b"a" * 65_536 + b" HTTP/1.1\r\n",
            b"Host: h\r\n",
            b"Content-Length: 5\r\n",
            b"Content-Length: +5\r\n",
            b"Content-Length: 5, 5\r\n",
            b"Content-Length: 18446744073709551616\r\n",
            b"Transfer-Encoding: chunked\r\n",
            b"Transfer-Encoding: identity, chunked\r\n",
            b"Transfer-Encoding : chunked\r\n",
            b"Expect: 100-continue\r\n",
            b"Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: a\r\n",
            b"Connection: upgrade, http2-settings\r\nUpgrade: h2c\r\nHTTP2-Settings: a\r\n",
            b"Authorization: AWS4-HMAC-SHA256 \r\n",
            b" folded\r\n",
            b"X-\xff: \xfe\r\n",
            b"X-Amz-Date: 20260131T000000Z\r\n",
            b"X: " + b"a" * 20_000 + b"\r\n",
            b"5\r\nAction\r\n",
            b"FFFFFFFFFFFFFFFF1\r\n",
            b"0\r\nTrailer: a\r\n\r\n",
            b"5;ext=" + b"a" * 1_000 + b"\r\nabcde\r\n",
        ]
    ),
    st.binary(max_size=30),
)
CONVERSATIONS = st.lists(PIECES, min_size=1, max_size=12).map(b"".join)
