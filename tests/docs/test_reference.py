"""The reference pages say what the program has: no more and no less."""

import re
from collections.abc import Iterator

import pytest

from domain.call_context import _KEYS as REGISTERED_KEYS
from domain.foundation.errors import AboutResource, Refusal
from services.api.server.native_protocol import STATUSES
from services.aws_services import aws_protocols
from services.wire.errors import COMMON_ERROR_STATUSES
from services.wire.protocols.ec2 import EC2_ERRORS
from tests.docs.pages import COMMAND, PAGES, REFERENCE, ROOT


def rows(page: str) -> Iterator[list[str]]:
    """The cells of each row of the page's tables that begins with code, without backquotes."""
    for line in (REFERENCE / page).read_text().splitlines():
        if line.startswith("| `"):
            yield [cell.strip().replace("`", "") for cell in line.strip("|").split("|")]


@pytest.mark.parametrize("name", PAGES)
def test_generated_pages_are_written(name: str) -> None:
    """The page in docs/ is what the program would write now."""
    assert (REFERENCE / name).read_text() == PAGES[name](), f"{name} is out of date. Write it again: {COMMAND}"


def test_every_error_is_described() -> None:
    """Each code, with the status that clients get."""
    models = [protocol.described(service) for protocol in aws_protocols() for service in protocol.services]

    def status(code: str) -> str:
        declared = next(filter(None, (model.error_status(code) for model in models)), None)
        if code == "MalformedBody":  # Only rest-json answers it.
            return "400"
        if code == "DryRunOperation":  # Only EC2 does.
            return str(EC2_ERRORS[code].status)
        return str(int(COMMON_ERROR_STATUSES.get(code) or declared or STATUSES[code]))

    described = {code: status for code, status, _cause in rows("errors.md")}
    codes = [refusal.__name__ for refusal in subclasses(Refusal) if refusal is not AboutResource]
    assert described == {code: status(code) for code in codes}


def subclasses(base: type[Refusal]) -> Iterator[type[Refusal]]:
    for found in base.__subclasses__():
        if found.__module__.startswith(("domain.", "services.")):
            yield found
            yield from subclasses(found)


def test_every_condition_key_is_described() -> None:
    """Those that any call may have are registered; the others stand in the code of the operations that bring them."""
    described = {name.lower() for names, *_ in rows("condition-keys.md") for name in names.split(", ")}
    others = {key.removesuffix("key") for key in described - REGISTERED_KEYS.keys()}
    assert not REGISTERED_KEYS.keys() - described
    source = "".join(path.read_text() for folder in ("domain", "services") for path in (ROOT / folder).rglob("*.py"))
    unknown = {key for key in others if not re.search(rf"[\"']({key}|{{service}}:{key.partition(':')[2]})", source)}
    assert not unknown
    # In code they are in lower case, as nothing else is but actions that are compared.
    brought = set(re.findall(r"[\"']((?:aws|iam|sts):[a-z]+)[\"'/]", source))
    assert brought - _COMPARED_IN_LOWER_CASE <= {key.partition("/")[0] for key in described}


_COMPARED_IN_LOWER_CASE = {
    *("aws:arn", "sts:assumerole", "sts:assumerolewithsaml", "sts:assumerolewithwebidentity"),
    *("sts:getcalleridentity", "sts:setcontext", "sts:setsourceidentity", "sts:tagsession"),
}
"""What is no condition key of a call here: actions, and a key of which the linter says what is meant instead."""


def test_every_setting_is_described() -> None:
    """The environment variables that the program reads."""
    source = "".join(path.read_text() for path in (ROOT / "services").rglob("*.py"))
    described = {name for name, *_ in rows("settings.md")}
    assert described == set(re.findall(r"MUNIMENT_[A-Z_]+[A-Z]", source))
