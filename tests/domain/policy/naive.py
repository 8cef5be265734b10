"""The policy language once more, as the documentation tells it: slow, plain, and sharing nothing with the evaluator.

Everything works on the documents as they are written. Names in quotation marks are pages of the IAM User Guide.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from enum import IntEnum
from typing import Any

from domain.policy import Layer, Request, RequestPrincipal, Result
from tests.domain.policy.naive_conditions import holds
from tests.domain.policy.naive_texts import Piece, Step, matches, replaced

Document = Mapping[str, Any]
Layers = Sequence[tuple[Layer, Sequence[Document]]]

EVERYBODY = "*"


class Grant(IntEnum):
    """What a resource's policy gives a caller of the same account, by whom it names."""

    NOTHING = 0
    TO_THE_ACCOUNT = 1
    """The account may let its principals in; this policy lets nobody in."""
    TO_THE_ISSUER = 2
    """To the role behind a session, or to the user behind a federated session."""
    TO_THE_CALLER = 3


def decide(layers: Layers, request: Request) -> Result:
    """ "How AWS enforcement code logic evaluates requests to allow or deny access"."""
    if any(_has_effect("Deny", document, request, layers) for _, documents in layers for document in documents):
        return Result.EXPLICITLY_DENIED
    return Result.ALLOWED if _is_allowed(layers, request) else Result.IMPLICITLY_DENIED


def _is_allowed(layers: Layers, request: Request) -> bool:
    caller = request.principal
    granted = max(_granted(Layer.RESOURCE, layers, request), _granted(Layer.TRUST, layers, request))
    if caller is None or caller.account_id is None:
        return _is_let_in_by_name(granted, layers, request) and _allows(Layer.RCP, layers, request)
    if _resource_account(request, caller.account_id) == caller.account_id:
        is_allowed = _is_allowed_within_account(granted, layers, request)
    else:
        # "Cross-account policy evaluation logic": either account judges on its own.
        is_allowed = granted is not Grant.NOTHING and _is_allowed_by_own_account(layers, request)
    return is_allowed and _allows(Layer.SCP, layers, request) and _allows(Layer.RCP, layers, request)


def _is_allowed_within_account(granted: Grant, layers: Layers, request: Request) -> bool:
    """ "Resource-based policies and implicit denies in other policy types (same account)"."""
    match granted:
        case Grant.TO_THE_CALLER:
            return True
        case Grant.TO_THE_ISSUER:
            return _is_within_bounds(layers, request)
        case Grant.TO_THE_ACCOUNT:
            return _is_allowed_by_own_account(layers, request)
        case Grant.NOTHING:
            return not _is_there(Layer.TRUST, layers) and _is_allowed_by_own_account(layers, request)


def _is_allowed_by_own_account(layers: Layers, request: Request) -> bool:
    has_identity_policies = _is_there(Layer.IDENTITY, layers)
    return has_identity_policies and _allows(Layer.IDENTITY, layers, request) and _is_within_bounds(layers, request)


def _is_within_bounds(layers: Layers, request: Request) -> bool:
    return _allows(Layer.BOUNDARY, layers, request) and _allows(Layer.SESSION, layers, request)


def _is_let_in_by_name(granted: Grant, layers: Layers, request: Request) -> bool:
    """Who has no account. A role's everybody is everybody who has one; others it has to name."""
    caller = request.principal
    if not _is_there(Layer.TRUST, layers):
        return granted is Grant.TO_THE_CALLER
    return caller is not None and any(
        statement["Effect"] == "Allow"
        and bool(_names(statement, "Principal") & caller.names)
        and _is_about_request(statement, request, has_variables=document.get("Version") == "2012-10-17")
        for kind, documents in layers
        for document in documents
        for statement in _statements(document)
        if kind is Layer.TRUST
    )


def _is_there(layer: Layer, layers: Layers) -> bool:
    return any(kind is layer for kind, _ in layers)


def _allows(layer: Layer, layers: Layers, request: Request) -> bool:
    """Whether each entry of the layer allows, be there none, one, or one for each level of an organization."""
    entries = [documents for kind, documents in layers if kind is layer]
    return all(any(_has_effect("Allow", one, request, layers) for one in documents) for documents in entries)


def _granted(layer: Layer, layers: Layers, request: Request) -> Grant:
    documents = [document for kind, listed in layers if kind is layer for document in listed]
    return max((_grant(document, request) for document in documents), default=Grant.NOTHING)


def _resource_account(request: Request, callers: str) -> str:
    if request.resource_account is not None:
        return request.resource_account
    parts = request.resource.split(":", 5)
    return parts[4] if len(parts) == 6 and parts[4] else callers


# Statements


def _statements(document: Document) -> Iterator[Document]:
    listed = document["Statement"]
    yield from listed if isinstance(listed, list) else [listed]


def _has_effect(effect: str, document: Document, request: Request, layers: Layers) -> bool:
    has_variables = document.get("Version") == "2012-10-17"
    return any(
        statement["Effect"] == effect
        and _is_about_request(statement, request, has_variables=has_variables)
        and _is_about_caller(statement, request.principal, layers)
        for statement in _statements(document)
    )


def _is_about_request(statement: Document, request: Request, *, has_variables: bool) -> bool:
    return (
        _is_about_action(statement, request.action)
        and _is_about_resource(statement, request, has_variables=has_variables)
        and all(
            holds(
                operator,
                request.context.get(key.lower(), ()),
                _listed(wanted),
                statement["Effect"],
                request.context if has_variables else None,
            )
            for operator, keys in statement.get("Condition", {}).items()
            for key, wanted in keys.items()
        )
    )


def _listed(value: Any) -> list[str]:
    """JSON's numbers and Booleans as they are written."""
    values = value if isinstance(value, list) else [value]
    return [str(one).lower() if isinstance(one, bool) else str(one) for one in values]


def _is_about_action(statement: Document, action: str) -> bool:
    def fits(pattern: str) -> bool:
        return matches([Step(Piece(c, is_written=True)) for c in pattern.lower()], action.lower())

    if "Action" in statement:
        return any(fits(pattern) for pattern in _listed(statement["Action"]))
    return not any(fits(pattern) for pattern in _listed(statement["NotAction"]))


def _is_about_resource(statement: Document, request: Request, *, has_variables: bool) -> bool:
    if "Resource" not in statement and "NotResource" not in statement:
        return True  # a trust policy is about its role
    written = _listed(statement["Resource"] if "Resource" in statement else statement["NotResource"])
    patterns = [replaced(text, request.context if has_variables else None) for text in written]
    fits = any(pattern is not None and matches(_by_segments(pattern), request.resource) for pattern in patterns)
    if "Resource" in statement:
        return fits
    if statement["Effect"] == "Allow" and None in patterns:
        return False  # nobody knows what was to be left out
    return not fits


def _by_segments(pattern: list[Piece]) -> list[Step]:
    """ "Resource", "Using wildcards in resource ARNs": within segments, but for a star that ends one."""
    if [piece.character for piece in pattern] == ["*"]:
        return [Step(pattern[0])]
    # "Incomplete ARNs": "automatically completed by adding wildcards to all missing fields".
    missing = 5 - min(5, pattern.count(Piece(":", is_written=True)))
    pattern = pattern + [Piece(character, is_written=True) for character in ":*" * missing]
    steps, colons = [], 0
    for place, piece in enumerate(pattern):
        ends_segment = place + 1 == len(pattern) or pattern[place + 1] == Piece(":", is_written=True)
        steps.append(Step(piece, colons >= 5 or (piece.character == "*" and ends_segment)))
        colons += piece.character == ":"
    return steps


# Principals


def _names(statement: Document, element: str) -> set[tuple[str, str]]:
    value = {"AWS": "*"} if statement[element] == "*" else statement[element]
    return {(kind, name) for kind, names in value.items() for name in _listed(names)}


def _names_of_account(account_id: str | None, names: set[tuple[str, str]]) -> set[tuple[str, str]]:
    root = re.compile(f"(arn:[a-z-]+:iam::)?{account_id}(?(1):root)")
    return {(kind, name) for kind, name in names if account_id and kind == "AWS" and root.fullmatch(name)}


def _grant(document: Document, request: Request) -> Grant:
    has_variables = document.get("Version") == "2012-10-17"
    return max(
        (
            _grant_of_statement(statement, request.principal)
            for statement in _statements(document)
            if statement["Effect"] == "Allow" and _is_about_request(statement, request, has_variables=has_variables)
        ),
        default=Grant.NOTHING,
    )


def _grant_of_statement(statement: Document, caller: RequestPrincipal | None) -> Grant:
    names = _names(statement, "Principal")
    if ("AWS", EVERYBODY) in names:
        return Grant.TO_THE_CALLER
    if caller is None:
        return Grant.NOTHING
    if names & caller.names:
        return Grant.TO_THE_CALLER
    if names & caller.issuer_names:
        return Grant.TO_THE_ISSUER
    return Grant.TO_THE_ACCOUNT if _names_of_account(caller.account_id, names) else Grant.NOTHING


def _is_about_caller(statement: Document, caller: RequestPrincipal | None, layers: Layers) -> bool:
    if "NotPrincipal" not in statement:
        return "Principal" not in statement or _grant_of_statement(statement, caller) is not Grant.NOTHING
    names = _names(statement, "NotPrincipal")
    if any(layer is Layer.BOUNDARY for layer, _ in layers):
        return True  # "NotPrincipal", "Key points": whoever has a permissions boundary is denied, whatever is named
    if caller is None:
        return True
    is_listed = [bool(names & caller.names)]
    if caller.issuer_names:
        is_listed.append(bool(names & caller.issuer_names))
    if caller.account_id is not None:
        is_listed.append(bool(_names_of_account(caller.account_id, names)))
    return not all(is_listed)
