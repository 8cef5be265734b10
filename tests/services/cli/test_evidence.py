"""Receipts and bundles as somebody makes and checks them, with our command and with software of others."""

import json
import re
import shutil
import subprocess
import sys
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from domain.evidence.note_keys import KeyKind, SigningKey, VerifierKey
from services.cli.entry_point import EXIT_OK, EXIT_REFUSED, EXIT_USAGE
from tests.services.cli.conftest import Desk

GO_PACKAGES = Path("/usr/share/gocode/src/golang.org/x/mod/sumdb/tlog")
ISOLATED = """
import sys
for name in ("psycopg", "eventsourcing", "botocore", "services.ledger", "services.api", "projections"):
    sys.modules[name] = None
from services.cli.entry_point import main
sys.exit(main(["verify-bundle", *sys.argv[1:]]))
"""


@pytest.fixture(scope="module")
def bundle(desk: Desk, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of some calls of the desk's account, with a report."""
    since = datetime.now(UTC).isoformat()
    desk.aws("iam", "create-user", "--user-name", "bundled")
    desk.aws("iam", "get-user", "--user-name", "bundled")
    path = tmp_path_factory.mktemp("bundle") / "b.zip"
    answer = desk.muniment("bundle", str(path), "--from", since, "--framework", "cis-5.0")
    assert answer.status == EXIT_OK, answer.error
    assert answer.out.startswith(f"VERIFIED: account {desk.rows('history', '--limit', '1')[0]['account_id']}, ")
    return path


def verified(desk: Desk, *words: str) -> dict[str, object]:
    (found,) = desk.rows("verify-bundle", *words)
    return found


def test_a_bundle(desk: Desk, bundle: Path, tmp_path: Path) -> None:
    """By the bundle's own keys it says so; by a policy it counts; by another log's keys it does not."""
    found = verified(desk, str(bundle))
    entries = found["entries"]
    assert isinstance(entries, int)
    assert entries >= 4
    assert found["keys_from"] == "the bundle"
    assert found["unproved"] == ["VERIFY.md", "report/compliance.html", "report/compliance.json"]
    policy = tmp_path / "policy"
    policy.write_text(desk.muniment("log").out)
    assert verified(desk, str(bundle), "--policy", str(policy))["keys_from"] == "the policy"
    other = SigningKey("iam.example.com/log", KeyKind.ED25519, bytes(32)).verifier
    policy.write_text(f"log {other}\nquorum none\n")
    refused = desk.muniment("verify-bundle", str(bundle), "--policy", str(policy))
    assert refused.status == EXIT_REFUSED
    assert "does not verify: None of the signatures is of a known key" in refused.error
    policy.write_text("nonsense")
    refused = desk.muniment("verify-bundle", str(bundle), "--policy", str(policy))
    assert (refused.status, "Line 1 of the policy" in refused.error) == (EXIT_USAGE, True)


def test_it_needs_nothing_else_of_the_program(bundle: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", ISOLATED, str(bundle)], env={"PATH": ""}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.partition(":")[0]) == (EXIT_OK, "VERIFIED"), done.stderr


def test_a_bundle_replaces_nothing(desk: Desk, bundle: Path) -> None:
    refused = desk.muniment("bundle", str(bundle), "--from", "1h")
    assert (refused.status, refused.error) == (
        EXIT_REFUSED,
        f"muniment: {bundle} is there already: a bundle replaces nothing.\n",
    )


def test_a_changed_bundle(desk: Desk, bundle: Path, tmp_path: Path) -> None:
    changed = tmp_path / "changed.zip"
    with zipfile.ZipFile(bundle) as read, zipfile.ZipFile(changed, "w") as written:
        for name in read.namelist():
            content = read.read(name)
            written.writestr(name, content.replace(b"bundled", b"someone") if name == "entries.jsonl" else content)
    refused = desk.muniment("verify-bundle", str(changed))
    assert refused.status == EXIT_REFUSED
    assert f"{changed} does not verify: entries.jsonl has the SHA-256" in refused.error


def test_absence(desk: Desk, tmp_path: Path) -> None:
    """What was not called is proved; of what was, nothing is written."""
    since = datetime.now(UTC).isoformat()
    desk.aws("iam", "list-groups")
    path = tmp_path / "absent.zip"
    asked = ("--from", since, "--operation")
    answer = desk.muniment("prove", "absence", str(path), *asked, "iam:DeleteUser")
    assert answer.status == EXIT_OK, answer.error
    assert "  none with operation iam:DeleteUser\n" in answer.out
    assert verified(desk, str(path))["absent"] == [{"operation": "iam:DeleteUser"}]
    there = tmp_path / "there.zip"
    refused = desk.muniment("prove", "absence", str(there), *asked, "iam:ListGroups")
    assert refused.status == EXIT_REFUSED
    assert re.search(
        r"The entry \d+ is one that is claimed to be absent: .*ListGroups.* Nothing is written", refused.error
    )
    assert [each.name for each in tmp_path.iterdir()] == ["absent.zip"]
    refused = desk.muniment("prove", "absence", str(there), "--from", since)
    assert (refused.status, "Say what is absent: one of --access-key-id" in refused.error) == (EXIT_USAGE, True)


def test_a_receipt(desk: Desk, tmp_path: Path) -> None:
    desk.aws("iam", "list-groups")
    call = desk.rows("history", "--operation", "ListGroups", "--limit", "1")[0]
    receipt = f"{call['position']}-{call['request_id']}"
    answer = desk.muniment("receipt", receipt, "--to", str(tmp_path / "r"))
    assert answer.status == EXIT_OK, answer.error
    assert answer.out.startswith("iam:ListGroups by user/admin: ok\n")
    assert answer.out.count("c2sp.org/tlog-proof@v1\n") == 2
    entry = json.loads((tmp_path / "r" / "entry.json").read_text())
    assert entry["cause"]["request_id"] == call["request_id"]
    of_another = desk.muniment("receipt", f"1-{call['request_id']}")
    assert of_another.status == EXIT_REFUSED
    assert f"not of {call['request_id']}: the receipt is of another account, or not true." in of_another.error
    assert desk.muniment("receipt", "nonsense").status == EXIT_USAGE


@pytest.mark.skipif(
    shutil.which("go") is None or not GO_PACKAGES.exists(),
    reason="Go or its packages are not here: apt install golang-go golang-golang-x-mod-dev",
)
def test_go_s_own_packages_verify_it(desk: Desk, bundle: Path, tmp_path: Path) -> None:
    """By the program in VERIFY.md, as it says there."""
    with zipfile.ZipFile(bundle) as packed:
        packed.extractall(tmp_path)
    guide = (tmp_path / "VERIFY.md").read_text()
    (tmp_path / "verify.go").write_text(guide.partition("```go\n")[2].partition("\n```\n")[0] + "\n")
    found = verified(desk, str(bundle))
    keys = found["verifier_keys"]
    assert isinstance(keys, list)
    (key,) = [key for key in keys if VerifierKey.parse(key).kind is KeyKind.ED25519]

    def verify_by_go() -> subprocess.CompletedProcess[str]:
        environment = {"PATH": "/usr/bin:/bin", "GO111MODULE": "off", "GOPATH": "/usr/share/gocode"}
        command = ["go", "run", "verify.go", ".", key]
        caches = {"HOME": str(tmp_path), "GOCACHE": str(tmp_path / "cache")}
        return subprocess.run(
            command, cwd=tmp_path, env={**environment, **caches}, capture_output=True, text=True, check=False
        )

    done = verify_by_go()
    assert done.returncode == 0, done.stderr
    assert f"are in the log of {found['log_size']}, checkpoint " in done.stdout
    entries = tmp_path / "entries.jsonl"
    entries.write_bytes(entries.read_bytes().replace(b"bundled", b"someone", 1))
    assert "the entries: invalid transparency proof" in verify_by_go().stderr
