"""`make acceptance`: Prowler's verdicts on a staged account beside ours, now and under /as-of/, and what it could not
ask. Exit code 1 where something differs, or is refused, that is not listed with its reason."""

import json
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from domain.foundation.moments import format_rfc3339
from tests.acceptance import prowler
from tests.acceptance.account import PAST, audited
from tests.acceptance.comparison import Compared, Ours, compare, judge
from tests.acceptance.mapping import COUNTERPARTS, DIFFERENCES, UNSEEN, WITHOUT_COUNTERPART, Moment, Resource, framework
from tests.acceptance.prowler import Complaint
from tests.acceptance.refusals import Refused, judge_refusals
from tests.acceptance.report import report
from tests.clients.server import Server, run, serving
from tests.places import place_for_data


@dataclass
class Seen:
    """What came of all moments."""

    compared: list[Compared] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    complaints: list[tuple[Moment, Complaint]] = field(default_factory=list)


class Audit:
    """One server, asked by Prowler and by us at each moment."""

    def __init__(self, server: Server, account_id: str, credentials: Mapping[str, Mapping[str, str]]) -> None:
        """`credentials` as environments, of the auditor and the administrator."""
        self._server, self._account_id, self._credentials = server, account_id, credentials

    def look(self, seen: Seen, moment: Moment, at: datetime | None) -> None:
        """At a time, or now."""
        endpoint = self._server.endpoint + ("" if at is None else f"/as-of/{format_rfc3339(at)}")
        began = datetime.now(UTC)
        with tempfile.TemporaryDirectory() as place:
            scan = prowler.scan(Path(place), endpoint, self._credentials["auditor"])
        for call in self._rows("history", "--from", format_rfc3339(began), "--principal", "auditor"):
            if call["error_code"] is not None:
                seen.refused.append(Refused(moment, call["operation"], call["error_code"]))
        seen.complaints += [(moment, complaint) for complaint in scan.complaints]
        ours = self._ours(endpoint, [] if at is None else ["--as-of", format_rfc3339(at)])
        seen.compared += compare(moment, COUNTERPARTS, scan.findings, ours)

    def _ours(self, endpoint: str, moment: list[str]) -> Ours:
        (told,) = self._rows("compliance", "report", "--framework", "prowler", *moment)
        violations = self._rows("compliance", "violations", "--framework", "prowler", *moment)
        resources, arns = self._resources(endpoint)
        checks = {control["control_id"]: control["title"] for control in told["controls"]}
        violating: dict[str, set[str]] = {}
        for shown in violations:
            for control in shown["controls"]:
                violating.setdefault(checks[control], set()).add(arns[shown["violation"]["holder_id"]])
        failed = {control["title"] for control in told["controls"] if control["verdict"] == "fail"}
        assert failed == violating.keys(), f"The report says {failed}, the violations say {violating.keys()}."
        return Ours(violating, resources)

    def _resources(self, endpoint: str) -> tuple[dict[str, Resource], dict[str, str]]:
        """By ARN; and their ARNs by id."""
        details = self._aws(endpoint, "get-account-authorization-details")
        resources = {each["Arn"]: Resource(each["Arn"], each["AttachmentCount"] > 0) for each in details["Policies"]}
        arns = {arn: arn for arn in resources} | {self._account_id: f"arn:aws:iam::{self._account_id}:root"}
        for kind in ("User", "Group", "Role"):
            arns |= {each[f"{kind}Id"]: each["Arn"] for each in details[f"{kind}DetailList"]}
        for each in self._aws(endpoint, "list-server-certificates")["ServerCertificateMetadataList"]:
            arns[each["ServerCertificateId"]] = each["Arn"]
        return {arn: Resource(arn) for arn in arns.values()} | resources, arns

    def _aws(self, endpoint: str, command: str) -> dict[str, Any]:
        answer = run(["aws", "iam", command], {**self._credentials["admin"], "AWS_ENDPOINT_URL": endpoint})
        assert answer.status == 0, f"aws iam {command}: {answer.error}"
        return answer.json

    def _rows(self, *words: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._muniment(*words, "--output", "json").splitlines()]

    def _muniment(self, *words: str) -> str:
        answer = run(["muniment", *words], self._credentials["admin"])
        assert answer.status == 0, f"muniment {words}: {answer.error}"
        return answer.out


def main() -> int:
    _tell("Asking Prowler for its checks")
    strays = prowler.check_ids() ^ (COUNTERPARTS.keys() | WITHOUT_COUNTERPART.keys())
    seen = Seen()
    with place_for_data() as place:
        _tell("Staging the account")
        with audited(place / "data", framework()) as stage:
            pass
        with serving(place) as server:
            credentials = {
                name: server.credentials(keys.access_key, keys.secret_key) for name, keys in stage.keys.items()
            }
            audit = Audit(server, stage.account_id, credentials)
            past = {name: stage.now - timedelta(days=days) for name, days in PAST.items()}
            for moment, at in (*past.items(), ("now", None)):
                _tell(f"Prowler looks at it: {moment}")
                audit.look(seen, moment, at)
    outcome = judge(seen.compared, COUNTERPARTS, DIFFERENCES, UNSEEN)
    refusals = judge_refusals(seen.refused, seen.complaints)
    sys.stdout.write("\n".join(report(outcome, refusals, strays)) + "\n")
    return 0 if outcome.is_accounted_for and not (strays or refusals.unlisted or refusals.outdated) else 1


def _tell(line: str) -> None:
    sys.stderr.write(f"{line} …\n")


if __name__ == "__main__":
    sys.exit(main())
