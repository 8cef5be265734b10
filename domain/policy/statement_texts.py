"""Documents divided into statements so small that one of them is there or is not: of one principal, action and resource
each, under all conditions of the whole. As texts they can be compared: equal where they say the same.

White space, order, the case of actions, a list of one, the Sid, how a statement is divided and in which of its two ways
an account is named make no difference.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import product
from typing import Any

from domain.foundation.identifiers import ACCOUNT_ID, PARTITION, arn
from domain.policy.decode import Json, decoded

_VERSION_DEFAULT = "2008-10-17"
_NOTHING = {"Effect": "Deny", "Action": "none:None", "Resource": "*"}
"""A document has at least one statement; no service has this action."""
_PRODUCT_MAX = 1_000
"""A statement of more combinations is left whole."""
_DOCUMENTS_REMEMBERED = 1_024
_DIVIDED = ("Principal", "Action", "Resource")
"""One of several is enough. Of what is excepted, and of conditions, all count together."""


@lru_cache(_DOCUMENTS_REMEMBERED)
def statement_texts(document: str, partition: str = PARTITION) -> frozenset[str]:
    """Of an account of this partition. Raises MalformedPolicyDocument where there is no JSON."""
    read = decoded(document)
    assert isinstance(read, dict)
    listed = read["Statement"]
    version = str(read.get("Version", _VERSION_DEFAULT))
    statements = listed if isinstance(listed, list) else [listed]
    return frozenset(text for statement in statements for text in _texts(_normal(statement, partition), version))


def _texts(statement: dict[str, Any], version: str) -> Iterator[str]:
    if "${" in json.dumps(statement):
        # Variables mean something from 2012-10-17 on only.
        statement = {**statement, "Version": version}
    divided = [name for name in _DIVIDED if name in statement]
    sizes = 1
    for name in divided:
        sizes *= len(statement[name])
    if sizes > _PRODUCT_MAX:
        yield json.dumps(statement, sort_keys=True)
        return
    for chosen in product(*(statement[name] for name in divided)):
        yield json.dumps(
            {**statement, **{name: [one] for name, one in zip(divided, chosen, strict=True)}}, sort_keys=True
        )


def document_of(texts: Iterable[str]) -> str:
    """A document that says what these say together; nothing, where there are none."""
    statements = [json.loads(text) for text in sorted(texts)]
    version = max((statement.pop("Version", _VERSION_DEFAULT) for statement in statements), default=_VERSION_DEFAULT)
    for statement in statements:
        for element in ("Principal", "NotPrincipal"):
            if element in statement:
                named = defaultdict(list)
                for kind, name in statement[element]:
                    named[kind].append(name)
                statement[element] = dict(named)
    return json.dumps({"Version": version, "Statement": statements or [_NOTHING]})


def is_allow(text: str) -> bool:
    return bool(json.loads(text)["Effect"] == "Allow")


def allows(document: str) -> bool:
    return any(map(is_allow, statement_texts(document)))


def denies(document: str) -> bool:
    return not all(map(is_allow, statement_texts(document)))


def phrases(texts: Iterable[str]) -> Iterator[str]:
    """Such as `iam:*, s3:* on *`, for people: of statements that differ in the action alone, one."""
    actions = defaultdict(list)
    for text in sorted(texts):
        statement = json.loads(text)
        actions[f"{_where(statement)}{_conditions(statement)}"].append(_named(statement, "Action"))
    for where, named in actions.items():
        yield f"{', '.join(sorted(set(named)))}{where}"


def principal_phrases(texts: Iterable[str]) -> str:
    """Such as `arn:aws:iam::111122223333:root`, for people."""
    told = set()
    for text in texts:
        statement = json.loads(text)
        named = sorted(principals_of(text))
        but = "everybody but " if "NotPrincipal" in statement else ""
        told.add(f"{but}{'everybody' if '*' in named else ', '.join(named)}{_conditions(statement)}")
    return ", ".join(sorted(told))


def principals_of(text: str) -> set[str]:
    """Whom a statement names, or excepts."""
    statement = json.loads(text)
    return {name for _, name in statement.get("Principal", statement.get("NotPrincipal", ()))}


def written_out(kind: str, name: str, partition: str = PARTITION) -> str:
    """A principal as IAM shows it: an account that is named by its number by the ARN of its root."""
    return arn(partition, "iam", name, "root") if kind == "AWS" and ACCOUNT_ID.fullmatch(name) else name


def _conditions(statement: dict[str, Any]) -> str:
    return " under conditions" if "Condition" in statement else ""


def _where(statement: dict[str, Any]) -> str:
    return f" on {_named(statement, 'Resource')}" if {"Resource", "NotResource"} & statement.keys() else ""


def _named(statement: dict[str, Any], element: str) -> str:
    if element in statement:
        return ", ".join(statement[element])
    return f"everything but {', '.join(statement[f'Not{element}'])}"


def _normal(statement: Json, partition: str) -> dict[str, Any]:
    assert isinstance(statement, dict)
    return {name: _normal_element(name, value, partition) for name, value in statement.items() if name != "Sid"}


def _normal_element(name: str, value: Json, partition: str) -> Any:
    match name:
        case "Effect":
            return value
        case "Principal" | "NotPrincipal":
            named = value if isinstance(value, dict) else {"AWS": value}
            listed = ((kind, name) for kind, names in named.items() for name in _sorted(names))
            return sorted({(kind, written_out(kind, name, partition)) for kind, name in listed})
        case "Condition":
            assert isinstance(value, dict)
            return {operator: _normal_condition(keys) for operator, keys in value.items()}
        case "Action" | "NotAction":
            return sorted({each.lower() for each in _sorted(value)})
        case _:
            return _sorted(value)


def _normal_condition(keys: Json) -> dict[str, list[str]]:
    """Two keys that differ by case alone are two conditions on one."""
    assert isinstance(keys, dict)
    lowered = [key.lower() for key in keys]
    return {key if lowered.count(key.lower()) > 1 else key.lower(): _sorted(values) for key, values in keys.items()}


def _sorted(value: Json) -> list[str]:
    listed = value if isinstance(value, list) else [value]
    return sorted({_text(each) for each in listed})


def _text(value: Json) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
