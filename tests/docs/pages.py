"""The generated pages of docs/reference: `python -m tests.docs.pages` writes them anew."""

import json
import textwrap
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from services import aws_services
from services.api.server import native_protocol
from services.refused_operations import REFUSED, REFUSED_OTHERS
from services.wire.model import load_model
from services.wire.operations import Operation, all_operations
from tests.docs.command_page import commands_page
from tests.docs.compliance_page import compliance_page

REGISTERED = (aws_services, native_protocol)
"""What importing registers: every operation."""
ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"
OPENAPI = ROOT / "docs" / "openapi.json"
COMMAND = ".venv/bin/python -m tests.docs.pages"

_OPERATIONS_HEAD = """\
# Operations

What this server answers; anything else is refused with `InvalidAction`, and a parameter that is not supported with
`ValidationError`. Nothing is ignored. Operations that read are also answered under `/as-of/MOMENT/`, as of that moment,
and so is GenerateCredentialReport, which makes nothing there. `muniment coverage` lists every operation that AWS has of
them, but for EC2's.

This page is generated: `{command}`.
"""
_NATIVE_SECTION = """\
## muniment's own ({count})

| action in policies | request |
|---|---|
{rows}
[openapi.json](../openapi.json) describes parameters and answers. A question about the past also needs
`muniment:TimeTravel`.

Resources are `arn:PARTITION:muniment::ACCOUNT:` and what openapi.json says there. A question about a credential is
about whoever has it, however the credential is called: `credential/user/PATH/NAME`, `credential/role/PATH/NAME` or
`credential/root`, and of a user or role that is gone `credential/` and its unique id. So a policy about
`credential/user/ann` is about ann, her access keys and her sessions.
"""


def operations_page() -> str:
    found = sorted(all_operations(), key=lambda operation: (operation.service, operation.name))
    sections = [
        _aws_section(title, service, [operation for operation in found if operation.service == service])
        for service, title in _titles().items()
    ]
    own = _native_section([operation for operation in found if operation.service == "muniment"])
    return "\n".join([_OPERATIONS_HEAD.format(command=COMMAND), *sections, own])


def _titles() -> dict[str, str]:
    """What AWS calls each service, by the name in actions."""
    models = map(load_model, aws_services.SERVICES)
    return {model.signing_name: model.metadata["serviceFullName"] for model in models}


def _aws_section(title: str, service: str, operations: Sequence[Operation]) -> str:
    reading = [operation.name for operation in operations if operation.read_only]
    writing = [operation.name for operation in operations if not operation.read_only]
    by_reason = defaultdict(list)
    for name, reason in REFUSED.get(service, {}).items():
        by_reason[reason].append(name)
    if service in REFUSED_OTHERS:
        by_reason[REFUSED_OTHERS[service]].append("all others")
    refused = [_wrapped(f"- Refused, for {reason}: {', '.join(names)}.", "  ") for reason, names in by_reason.items()]
    named = [
        _wrapped(f"{what}: {', '.join(names)}.") + "\n"
        for what, names in (("Reads", reading), ("Writes", writing))
        if names
    ]
    return "\n".join([f"## {title} ({len(operations)})\n", *named, *refused]) + ("\n" if refused else "")


def _native_section(operations: Sequence[Operation]) -> str:
    paths = json.loads(OPENAPI.read_text())["paths"]
    requests = {
        answer["operationId"]: f"`{method.upper()} {path}`"
        for path, methods in paths.items()
        for method, answer in methods.items()
    }
    rows = "".join(f"| `{operation.action}` | {requests[operation.name]} |\n" for operation in operations)
    return _NATIVE_SECTION.format(count=len(operations), rows=rows)


def _wrapped(text: str, indent: str = "") -> str:
    return textwrap.fill(text, 118, subsequent_indent=indent, break_on_hyphens=False)


PAGES: Mapping[str, Callable[[], str]] = {
    "commands.md": partial(commands_page, COMMAND),
    "compliance-checks.md": partial(compliance_page, COMMAND),
    "operations.md": operations_page,
}


if __name__ == "__main__":
    for name, page in PAGES.items():
        (REFERENCE / name).write_text(page())
