"""The structure that a reader relies on: no circle of imports, and one name for one thing."""

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from tests.conftest import LONGEST

ROOT = Path(__file__).parents[1]
PACKAGES = ("domain", "projections", "services")
SOURCES: Mapping[str, ast.Module] = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): ast.parse(path.read_text("utf-8"))
    for package in PACKAGES
    for path in sorted((ROOT / package).rglob("*.py"))
}


def imported(tree: ast.Module) -> Iterator[str]:
    """The modules of ours that a source imports, wherever the import stands in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in SOURCES)
        elif isinstance(node, ast.ImportFrom) and node.module is not None and node.module in SOURCES:
            modules = {f"{node.module}.{alias.name}" for alias in node.names} & SOURCES.keys()
            yield from modules
            if len(modules) < len(node.names):
                yield node.module


def first_cycle(graph: Mapping[str, set[str]]) -> list[str]:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_no_module_imports_itself_by_way_of_others() -> None:
    """Imports inside of functions count: deferring one breaks no circle, it hides it."""
    assert first_cycle({name: {*imported(tree)} - {name} for name, tree in SOURCES.items()}) == []


def test_a_cycle_would_be_found() -> None:
    assert first_cycle({"a": {"b"}, "b": {"c"}, "c": {"a"}}) != []


def test_only_what_finds_modules_imports_by_name() -> None:
    """Such an import no contract sees: each of these looks into one package, of modules that register themselves, or
    imports what the operator names."""
    by_name = {
        module
        for module, tree in SOURCES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Name | ast.Attribute | ast.alias)
        and {getattr(node, "id", ""), getattr(node, "attr", ""), getattr(node, "name", "")}
        & {"import_module", "__import__"}
    }
    assert by_name == {
        *("domain.compliance.frameworks", "domain.registry", "projections.engine.definition"),
        *("services.cli.entry_point", "services.compliance_checks", "services.wire.operations"),
    }


def test_no_two_public_types_have_one_name() -> None:
    """Nor has a type the name that a module gives to another one, as an alias."""
    found: dict[str, list[str]] = defaultdict(list)
    for module, tree in SOURCES.items():
        for node in tree.body:
            match node:
                case ast.Assign(value=ast.Call(func=ast.Name(id="TypeVar"))):
                    continue
                case ast.ClassDef(name=name) | ast.Assign(targets=[ast.Name(id=name)]):
                    found[name].append(module)
                case ast.AnnAssign(target=ast.Name(id=name)):
                    found[name].append(module)
    public = {name for name in found if name[0].isupper() and not name.isupper()}
    assert {name: found[name] for name in public if len(found[name]) > 1} == {}


def test_the_longest_files_are_there() -> None:
    """A file that was renamed would begin somewhere in the middle, and nobody would notice."""
    assert [name for name in LONGEST if not (ROOT / name).is_file()] == []


OUTBOUND = {
    "aiohttp",
    "botocore.httpsession",
    "ftplib",
    "http.client",
    "requests",
    "smtplib",
    "urllib.request",
    "urllib3",
}
"""Libraries that open connections to others."""


def test_one_way_out() -> None:
    """Nothing goes around the fetcher: neither another client of HTTP, nor a connection made by hand. The command asks
    its own server, and mail goes to the operator's relay."""
    asking, connecting = set(), set()
    for module, tree in SOURCES.items():
        for node in ast.walk(tree):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
            source = node.module or "" if isinstance(node, ast.ImportFrom) else ""
            for name in (source, *names, *(f"{source}.{each}" for each in names)):
                if any(name == each or name.startswith(f"{each}.") for each in OUTBOUND):
                    asking.add(module)
            if isinstance(node, ast.Attribute) and node.attr in {"create_connection", "open_connection", "connect_ex"}:
                connecting.add(module)
    assert asking == {"services.cli.lib.remote", "services.outbound.fetcher", "services.notifications.relay"}
    assert connecting == {"services.outbound.fetcher"}
