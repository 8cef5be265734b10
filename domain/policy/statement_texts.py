"""Statements of a document as texts that can be compared: equal where they say the same.

White space, the order of keys and of values, the case of actions, a list of one and the Sid make no difference.
"""

import json
from collections.abc import Iterable
from typing import Any

from domain.policy.decode import Json, decoded

_VERSION_DEFAULT = "2008-10-17"
_NOTHING = {"Effect": "Deny", "Action": "none:None", "Resource": "*"}
"""A document has at least one statement; no service has this action."""


def statement_texts(document: str) -> dict[str, Any]:
    """The statements by their texts. Raises MalformedPolicyDocument where there is no JSON."""
    read = decoded(document)
    assert isinstance(read, dict)
    listed = read["Statement"]
    statements = listed if isinstance(listed, list) else [listed]
    # Variables mean something from 2012-10-17 on only.
    version = read.get("Version", _VERSION_DEFAULT)
    return {
        json.dumps({**_normal(statement), "Version": version}, sort_keys=True): statement for statement in statements
    }


def document_of(texts: Iterable[str]) -> str:
    """A document that says what these statements say together; nothing, where there are none."""
    statements = [json.loads(text) for text in texts]
    version = max((statement.pop("Version") for statement in statements), default=_VERSION_DEFAULT)
    return json.dumps({"Version": version, "Statement": statements or [_NOTHING]})


def is_allow(text: str) -> bool:
    return bool(json.loads(text)["Effect"] == "Allow")


def allows(document: str) -> bool:
    return any(map(is_allow, statement_texts(document)))


def denies(document: str) -> bool:
    return not all(map(is_allow, statement_texts(document)))


def phrase(text: str) -> str:
    """Such as `iam:* on *`, for people."""
    statement = json.loads(text)
    action = _named(statement, "Action")
    where = f" on {_named(statement, 'Resource')}" if {"Resource", "NotResource"} & statement.keys() else ""
    return f"{action}{where}{_conditions(text)}"


def principals_phrase(text: str) -> str:
    """Such as `arn:aws:iam::111122223333:root under conditions`, for people."""
    named = principals_of(text)
    but = "everybody but " if "NotPrincipal" in json.loads(text) else ""
    return f"{but}{'everybody' if '*' in named else ', '.join(sorted(named))}{_conditions(text)}"


def principals_of(text: str) -> set[str]:
    """Whom a statement names, or excepts."""
    statement = json.loads(text)
    named = statement.get("Principal", statement.get("NotPrincipal", {}))
    return {name for names in named.values() for name in names}


def _conditions(text: str) -> str:
    return " under conditions" if "Condition" in json.loads(text) else ""


def _named(statement: dict[str, Any], element: str) -> str:
    if element in statement:
        return ", ".join(statement[element])
    return f"everything but {', '.join(statement[f'Not{element}'])}"


def _normal(statement: Json) -> dict[str, Any]:
    assert isinstance(statement, dict)
    return {name: _normal_element(name, value) for name, value in statement.items() if name != "Sid"}


def _normal_element(name: str, value: Json) -> Any:
    match name:
        case "Effect":
            return value
        case "Principal" | "NotPrincipal":
            named = value if isinstance(value, dict) else {"AWS": value}
            return {kind: _sorted(names) for kind, names in named.items()}
        case "Condition":
            assert isinstance(value, dict)
            return {operator: _normal_condition(keys) for operator, keys in value.items()}
        case "Action" | "NotAction":
            return sorted({str(each).lower() for each in _sorted(value)})
        case _:
            return _sorted(value)


def _normal_condition(keys: Json) -> dict[str, list[str]]:
    assert isinstance(keys, dict)
    return {key.lower(): _sorted(values) for key, values in keys.items()}


def _sorted(value: Json) -> list[str]:
    listed = value if isinstance(value, list) else [value]
    return sorted({_text(each) for each in listed})


def _text(value: Json) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
