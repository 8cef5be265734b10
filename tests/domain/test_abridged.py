"""What is kept of parameters: short ones as they are, of long ones what identifies them, never more than so much."""

import json
from hashlib import sha256

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.foundation.abridged import (
    ABRIDGED,
    BEGINNING_BYTES_MAX,
    PARAMETERS_BYTES_MAX,
    REFUSED_BYTES_MAX,
    abridge,
    shorten,
)

TEXTS = st.text(st.characters(codec="utf-8"), max_size=3) | st.builds(
    str.__mul__, st.sampled_from(["a", "é", "🔑", "arn:x"]), st.integers(0, 3_000)
)
VALUES = st.recursive(
    TEXTS | st.integers() | st.booleans(),
    lambda inner: st.lists(inner, max_size=8) | st.dictionaries(st.sampled_from(["key", ABRIDGED, "x y"]), inner),
    max_leaves=15,
)
PARAMETERS = st.dictionaries(st.sampled_from([f"name_{number}" for number in range(14)]), VALUES, max_size=9)


def size(value: object) -> int:
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(parameters=PARAMETERS, refused=st.booleans())
def test_no_call_has_more(parameters: dict[str, object], *, refused: bool) -> None:
    """Whatever is sent, the record has all names, and no more than the bound: of a refused call than its texts and
    what stands for the others."""
    kept = abridge(parameters, refused=refused)
    assert list(kept) == list(parameters)
    names = sum(size(name) + 2 for name in parameters) + 2
    digests = 200 * len(parameters)
    assert size(kept) <= names + (REFUSED_BYTES_MAX + digests if refused else PARAMETERS_BYTES_MAX + digests // 2)


@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(PARAMETERS)
def test_what_is_kept_is_told_from_what_is_not(parameters: dict[str, object]) -> None:
    """A value is there as it was, or says by a member that no value in a record has that it is not."""
    for name, value in abridge(parameters, refused=False).items():
        assert value == parameters[name] or f'"{ABRIDGED}":' in json.dumps(value)
        if value == parameters[name]:
            assert f'"{ABRIDGED}":' not in json.dumps(value)


@pytest.mark.parametrize("refused", [True, False])
def test_a_private_key(*, refused: bool) -> None:
    """Sent by mistake, wherever and however short: nothing of it is kept but its length and digest."""
    key = "-----BEGIN PRIVATE KEY-----\nsecret\n-----END PRIVATE KEY-----"
    values = {"text": key, "long": " " + key * 90, "list": ["a", key], "tags": [{"Key": "a", "Value": key}]}
    kept = abridge(values, refused=refused)
    assert "secret" not in json.dumps(kept)
    assert "BEGIN" not in json.dumps(kept)
    assert kept["text"] == {ABRIDGED: {"bytes": len(key), "sha256": sha256(key.encode()).hexdigest(), "beginning": "…"}}


def test_a_long_text() -> None:
    """Its length in bytes, its SHA-256, as of a file, and how it began, to a whole character."""
    text = "é" * 900_000
    told = {"bytes": 1_800_000, "sha256": sha256(text.encode()).hexdigest(), "beginning": "é" * 100 + "…"}
    assert abridge({"policy": text, "role_arn": "arn:aws:iam::1:role/a"}, refused=True) == {
        "policy": {ABRIDGED: told},
        "role_arn": "arn:aws:iam::1:role/a",
    }


def test_a_refused_call_keeps_names() -> None:
    """Texts beyond 200 bytes are not kept, but ARNs are, by which people look for the call; a list keeps what fits."""
    path = "arn:aws:iam::123456789012:role/" + "p/" * 150 + "deploy"
    arns = [{"arn": f"arn:aws:iam::123456789012:policy/p{number}"} for number in range(40)]
    kept = abridge({"role_arn": path, "description": "x" * 201, "name": "x" * 200}, refused=True)
    assert kept["role_arn"] == path
    assert kept["name"] == "x" * 200
    assert isinstance(kept["description"], dict)
    (listed,) = abridge({"policy_arns": arns}, refused=True).values()
    assert isinstance(listed, list)
    assert 5 < len(listed) < 20
    assert listed[:-1] == arns[: len(listed) - 1]
    assert listed[-1][ABRIDGED]["bytes"] == size(arns[len(listed) - 1 :])


def test_what_an_event_holds_is_not_kept_twice() -> None:
    """Of a document that stands in an event of the call, the record has the digest; a short text costs as little."""
    document = json.dumps({"Statement": "s" * BEGINNING_BYTES_MAX})
    kept = abridge({"policy_document": document, "user_name": "ada"}, refused=False, held={document, "ada"})
    assert kept["user_name"] == "ada"
    assert kept["policy_document"] == {
        ABRIDGED: {
            "bytes": len(document),
            "sha256": sha256(document.encode()).hexdigest(),
            "beginning": document[:BEGINNING_BYTES_MAX] + "…",
        }
    }
    assert abridge({"policy_document": document}, refused=False) == {"policy_document": document}


@given(st.text(st.characters(codec="utf-8")), st.integers(3, 50))
def test_a_shortened_text(text: str, bytes_max: int) -> None:
    """Fits, is the beginning of the whole, and says when there was more."""
    short = shorten(text, bytes_max)
    assert len(short.encode()) <= bytes_max
    assert short == text or (short.endswith("…") and text.startswith(short[:-1]))


def test_a_list_that_fits_but_for_its_quotes() -> None:
    """Each of its texts would fit; as JSON, where every quote of theirs is two characters, they do not all."""
    texts = ['"' * 190, '"' * 180, '"' * 170]
    assert sum(map(len, texts)) <= REFUSED_BYTES_MAX < size(texts)
    kept = abridge({"name": texts}, refused=True)["name"]
    assert isinstance(kept, list)
    assert kept[:-1] == texts[: len(kept) - 1]
    assert ABRIDGED in kept[-1]
