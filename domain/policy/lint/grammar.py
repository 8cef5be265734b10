"""Lints the form of a document: its elements, its version, its statement ids, its principals and its size."""

from collections.abc import Iterator, Mapping

from domain.policy.decode import Json, policy_size
from domain.policy.document import PolicyType
from domain.policy.lint.findings import Finding, error, refusal, security_warning, suggestion, warning
from domain.policy.lint.parsed import ListedText, ParsedStatement, listed, statements
from domain.policy.principals import KINDS

_DOCUMENT_ELEMENTS = {"Version", "Id", "Statement"}


def document_findings(text: str, document: Mapping[str, Json], policy_type: PolicyType) -> Iterator[Finding]:
    for name in document:
        if name not in _DOCUMENT_ELEMENTS:
            yield refusal("INVALID_POLICY_ELEMENT", f"A policy has no element {name}.", (name,))
    yield from _version_findings(document)
    if not document.get("Statement"):
        yield refusal("MISSING_STATEMENT", "The policy has no statement, so it says nothing.", ())
    if policy_type.quota is not None:
        size_max, code = policy_type.quota
        if policy_size(text) > size_max:
            message = f"The policy has {policy_size(text):,} characters without white space; the quota is {size_max:,}."
            yield error(code, message, ()) if code.endswith("CP_QUOTA") else warning(code, message, ())
    yield from _sid_findings(document, policy_type)
    for statement in statements(document):
        yield from _statement_findings(statement, policy_type)


def _version_findings(document: Mapping[str, Json]) -> Iterator[Finding]:
    version = document.get("Version")
    if version is None:
        yield warning("MISSING_VERSION", 'Without Version the policy is of the version of 2008; say "2012-10-17".', ())
    elif version not in ("2012-10-17", "2008-10-17"):
        yield refusal("INVALID_VERSION", 'The versions are "2012-10-17" and "2008-10-17".', ("Version",))
        return
    if version != "2012-10-17":
        for statement in statements(document):
            texts = [*statement.listed("Resource"), *statement.listed("NotResource")]
            texts += [value for condition in statement.conditions() for value in condition.values]
            for item in texts:
                if "${" in item.text:
                    message = 'Variables are plain text in this version; "2012-10-17" has them.'
                    yield error("VARIABLE_UNSUPPORTED_IN_VERSION", message, item.path)


def _sid_findings(document: Mapping[str, Json], policy_type: PolicyType) -> Iterator[Finding]:
    sids = [(sid, read.at("Sid")) for read in statements(document) if isinstance(sid := read.elements.get("Sid"), str)]
    seen = set[str]()
    for sid, path in sids:
        if not sid:
            yield suggestion("EMPTY_SID_VALUE", "The Sid is empty; give the statement a name or leave it out.", path)
        elif not policy_type.free_sids and not (sid.isascii() and sid.isalnum()):
            yield refusal("UNSUPPORTED_SID", "A Sid has letters a to z and A to Z and digits only.", path)
        elif sid in seen:
            message = f'Another statement of this policy has the Sid "{sid}" too.'
            if policy_type.free_sids:
                yield warning("UNIQUE_SIDS_RECOMMENDED", message, path)
            else:
                yield refusal("UNIQUE_SIDS_REQUIRED", message, path)
        seen.add(sid)


def _statement_findings(statement: ParsedStatement, policy_type: PolicyType) -> Iterator[Finding]:
    elements = statement.elements
    for name in elements:
        if name not in PolicyType.RESOURCE.elements:
            yield refusal("INVALID_POLICY_ELEMENT", f"A statement has no element {name}.", statement.at(name))
    if "Effect" not in elements:
        yield refusal("MISSING_EFFECT", "The statement has no Effect; say Allow or Deny.", statement.path)
    elif elements["Effect"] not in ("Allow", "Deny"):
        yield refusal("INVALID_EFFECT", "The Effect is neither Allow nor Deny.", statement.at("Effect"))
    for one, other in (("Action", "NotAction"), ("Resource", "NotResource"), ("Principal", "NotPrincipal")):
        if one in elements and other in elements:
            message = f"A statement has {one} or {other}, not both."
            yield refusal("UNSUPPORTED_ELEMENT_COMBINATION", message, statement.at(other))
    yield from _missing_findings(statement, policy_type)
    yield from _empty_findings(statement)
    if statement.allows and "NotAction" in elements:
        message = "Allow with NotAction allows every action that is not listed, those of future services too."
        yield warning("ALLOW_WITH_NOT_ACTION", message, statement.at("NotAction"))
    yield from _principal_findings(statement, policy_type)


def _empty_findings(statement: ParsedStatement) -> Iterator[Finding]:
    elements = statement.elements
    for name in ("Action", "NotAction", "Resource", "NotResource"):
        if elements.get(name) == []:
            kind = name.removeprefix("Not")
            message = f"{name} lists nothing, so the statement says nothing."
            yield suggestion(f"EMPTY_ARRAY_{kind.upper()}", message, statement.at(name))
    if elements.get("Condition") == {}:
        message = "The Condition has no condition; leave it out."
        yield suggestion("EMPTY_OBJECT_CONDITION", message, statement.at("Condition"))


def _missing_findings(statement: ParsedStatement, policy_type: PolicyType) -> Iterator[Finding]:
    elements = statement.elements
    if "Action" not in elements and "NotAction" not in elements:
        yield refusal("MISSING_ACTION", "The statement has neither Action nor NotAction.", statement.path)
    has_resource = "Resource" in elements or "NotResource" in elements
    if not has_resource and "Resource" in policy_type.elements:
        yield refusal("MISSING_RESOURCE", "The statement has neither Resource nor NotResource.", statement.path)
    has_principal = "Principal" in elements or "NotPrincipal" in elements
    if not has_principal and "Principal" in policy_type.elements:
        yield refusal(
            "MISSING_PRINCIPAL", "The statement does not say whom it is about: add Principal.", statement.path
        )


def _principal_findings(statement: ParsedStatement, policy_type: PolicyType) -> Iterator[Finding]:
    for name in ("Principal", "NotPrincipal"):
        if name not in statement.elements:
            continue
        path = statement.at(name)
        if "Principal" not in policy_type.elements:
            yield refusal(policy_type.principal_code, f"A policy of the type {policy_type.value} has no {name}.", path)
            continue
        if name == "NotPrincipal" and statement.allows:
            message = "Allow with NotPrincipal allows everybody who is not listed, strangers too; list whom you mean."
            yield security_warning("ALLOW_WITH_NOT_PRINCIPAL", message, path)
        match statement.elements[name]:
            case "*":
                pass
            case {} as keys if not keys:
                yield suggestion("EMPTY_OBJECT_PRINCIPAL", f"{name} names no principal.", path)
            case dict() as keys:
                yield from _named_findings(statement, name, keys)
            case _:
                message = f'{name} is "*" or an object such as {{"AWS": "123456789012"}}.'
                yield refusal("INVALID_PRINCIPAL_FORMAT", message, path)


def _named_findings(statement: ParsedStatement, name: str, keys: Mapping[str, Json]) -> Iterator[Finding]:
    for key, value in keys.items():
        path = statement.at(name, key)
        if key not in KINDS:
            expected = ", ".join(sorted(KINDS))
            yield refusal("INVALID_PRINCIPAL_KEY", f"There are no principals of the kind {key}, only {expected}.", path)
        if value == []:
            yield suggestion("EMPTY_ARRAY_PRINCIPAL", f"{name} names no principal under {key}.", path)
        for item in listed(value, path):
            yield from _one_named(item)


def _one_named(named: ListedText) -> Iterator[Finding]:
    if named.text != "*" and ("*" in named.text or "?" in named.text):
        message = "A principal is named in whole, or is * for all; it has no wildcards."
        yield refusal("UNSUPPORTED_WILDCARD_IN_PRINCIPAL", message, named.path)
    for prefix, kind in (("AIDA", "user"), ("AROA", "role")):
        if named.text.startswith(prefix):
            message = f"A unique id names a {kind} that may be gone; name it by its ARN."
            yield warning(f"INVALID_{kind.upper()}_REFERENCE", message, named.path)
