"""Prowler as a process in an environment of its own: what it found, and what it complains of."""

import csv
import json
import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.clients.prepared import ROOT

PROGRAM = ROOT / ".venv-prowler" / "bin" / "prowler"
SERVICES = ("iam", "accessanalyzer", "account", "organizations")
REGIONS = ("us-east-1", "eu-central-1")
"""The first is where it asks global services."""
FOUND_FAILURES = 3
"""Its exit code where it ran and a check failed (Prowler's documentation, "Basic Usage")."""
RUN_SECONDS_MAX = 900
_CALLED = re.compile(r"An error occurred \((\w+)\) when calling the (\w+) operation")


@dataclass(frozen=True)
class Finding:
    check: str
    resource: str
    """An ARN."""
    region: str
    status: str
    """PASS, FAIL or MANUAL."""
    said: str


@dataclass(frozen=True)
class Complaint:
    """A line of its log."""

    module: str
    text: str

    @property
    def call(self) -> tuple[str, str] | None:
        """The error code and the operation, where it is about a call."""
        found = _CALLED.search(self.text)
        return None if found is None else (found[1], found[2])


@dataclass(frozen=True)
class Scan:
    findings: tuple[Finding, ...]
    complaints: tuple[Complaint, ...]


def check_ids() -> frozenset[str]:
    """All that it has of SERVICES."""
    done = _run(["--list-checks-json"], {})
    listed = json.loads(done.stdout[done.stdout.index("{") :])
    return frozenset(listed["aws"])


def scan(place: Path, endpoint: str, credentials: Mapping[str, str]) -> Scan:
    """By its stock configuration: all that it is told is the endpoint, the credentials, services and Regions."""
    log = place / "prowler.log"
    output = ["--output-formats", "csv", "--output-directory", str(place), "--output-filename", "found"]
    logs = ["--log-level", "WARNING", "--log-file", str(log)]
    _run(["--region", *REGIONS, *output, *logs], {**credentials, "AWS_ENDPOINT_URL": endpoint, "HOME": str(place)})
    with (place / "found.csv").open(newline="") as file:
        findings = tuple(
            Finding(row["CHECK_ID"], row["RESOURCE_UID"], row["REGION"], row["STATUS"], row["STATUS_EXTENDED"])
            for row in csv.DictReader(file, delimiter=";")
        )
    lines = map(json.loads, log.read_text().splitlines())
    return Scan(findings, tuple(Complaint(line["module"], line["message"]) for line in lines))


def _run(words: list[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """With nothing of our own environment. Raises AssertionError where it did not come to its end."""
    done = subprocess.run(
        [PROGRAM, "aws", "--service", *SERVICES, "--no-banner", "--no-color", *words],
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", "LANG": "C.UTF-8", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=RUN_SECONDS_MAX,
    )
    assert done.returncode in {0, FOUND_FAILURES}, f"Prowler ended with {done.returncode}: {done.stdout}{done.stderr}"
    return done
