"""The story that the README tells, told once: the end-to-end test asserts it, the demo shows it."""

import json
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.clients.explanations import explanations
from tests.clients.server import Answer, Server, run

Show = Callable[[str], None]


def document(*statements: Mapping[str, object]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def statement(effect: str, action: str, **more: object) -> dict[str, object]:
    return {"Effect": effect, "Action": action, "Resource": "*", **more}


@dataclass
class Story:
    """Each method is a chapter and goes on where the one before ended. It fails with what it got and expected."""

    server: Server
    show: Show = lambda _line: None
    people: dict[str, dict[str, str]] = field(default_factory=dict)
    """Environments of those who type, by name."""
    facts: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.people["admin"] = self.server.profile

    def tell(self) -> None:
        for chapter in (
            self.a_user_without_permissions,
            self.a_group_gives_and_takes,
            self.an_explicit_deny_wins,
            self.a_role_for_a_while,
            self.sessions_end_early,
            self.a_key_is_rotated,
            self.what_happened,
            self.a_key_leaks,
            self.why_it_was_decided,
        ):
            self.show(f"\n# {(chapter.__doc__ or '').strip()}")
            chapter()

    # What a person types, and what comes back.

    def types(self, person: str, *command: str) -> Answer:
        self.show(f"\n{person}$ {shlex.join(command)}")
        answer = run(list(command), self.people[person])
        self.show((answer.out or answer.error).strip())
        return answer

    def does(self, person: str, *command: str) -> dict[str, Any]:
        answer = self.types(person, "aws", *command)
        assert answer.status == 0, f"{person} {command}: expected success, got {answer.error}"
        return json.loads(answer.out) if answer.out.strip() else {}

    def refused(self, person: str, *command: str, code: str) -> str:
        answer = self.types(person, "aws", *command)
        assert answer.status != 0, f"{person} {command}: expected {code}, got {answer.out}"
        assert f"({code})" in answer.error, f"{person} {command}: expected {code}, got {answer.error}"
        return answer.error

    def muniment(self, *command: str) -> str:
        answer = self.types("admin", "muniment", *command)
        assert answer.status == 0, f"muniment {command}: {answer.error}"
        return answer.out

    def becomes(self, person: str, credentials: Mapping[str, str]) -> None:
        self.people[person] = self.server.credentials(
            credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials.get("SessionToken")
        )

    def now(self, name: str) -> None:
        """Remembers this moment, so that it can be asked for later."""
        self.facts[name] = datetime.now(UTC).isoformat()

    # The chapters.

    def a_user_without_permissions(self) -> None:
        """A user without permissions is refused, and told why."""
        self.facts["account"] = self.does("admin", "sts", "get-caller-identity")["Account"]
        self.does("admin", "iam", "create-user", "--user-name", "alice")
        key = self.does("admin", "iam", "create-access-key", "--user-name", "alice")["AccessKey"]
        self.facts["alice's key"] = key["AccessKeyId"]
        self.becomes("alice", key)
        said = self.refused("alice", "iam", "list-users", code="AccessDenied")
        arn = f"arn:aws:iam::{self.facts['account']}:user/"
        assert (
            f"User: {arn}alice is not authorized to perform: iam:ListUsers on resource: {arn} "
            "because no identity-based policy allows the iam:ListUsers action"
        ) in said, said

    def a_group_gives_and_takes(self) -> None:
        """A group gives a permission, and leaving it takes the permission away in the next call."""
        self.does("admin", "iam", "create-group", "--group-name", "developers")
        policy = document(statement("Allow", "iam:List*"), statement("Allow", "iam:Get*"))
        created = self.does("admin", "iam", "create-policy", "--policy-name", "reading", "--policy-document", policy)[
            "Policy"
        ]
        self.facts["reading"] = created["Arn"]
        attach = ("iam", "attach-group-policy", "--group-name", "developers", "--policy-arn", created["Arn"])
        membership = ("--group-name", "developers", "--user-name", "alice")
        self.does("admin", *attach)
        self.now("before alice joined")
        self.does("admin", "iam", "add-user-to-group", *membership)
        users = self.does("alice", "iam", "list-users")["Users"]
        assert [user["UserName"] for user in users] == ["admin", "alice"], users
        self.does("admin", "iam", "remove-user-from-group", *membership)
        self.refused("alice", "iam", "list-users", code="AccessDenied")
        self.does("admin", "iam", "add-user-to-group", *membership)

    def an_explicit_deny_wins(self) -> None:
        """An inline policy with an explicit Deny wins over the group's Allow."""
        denying = document(statement("Deny", "iam:ListGroups"))
        inline = ("--user-name", "alice", "--policy-name", "no-groups")
        self.does("alice", "iam", "list-groups")
        self.does("admin", "iam", "put-user-policy", *inline, "--policy-document", denying)
        said = self.refused("alice", "iam", "list-groups", code="AccessDenied")
        assert "with an explicit deny in an identity-based policy" in said, said
        self.does("alice", "iam", "list-users")

    def a_role_for_a_while(self) -> None:
        """A role's session has the role's permissions and none of hers; what does not fit together is refused."""
        alice = f"arn:aws:iam::{self.facts['account']}:user/alice"
        trust = document({"Effect": "Allow", "Principal": {"AWS": alice}, "Action": "sts:AssumeRole"})
        role = self.does(
            "admin", "iam", "create-role", "--role-name", "deployer", "--assume-role-policy-document", trust
        )["Role"]
        self.facts["deployer"] = role["Arn"]
        deploying = document(statement("Allow", "iam:CreateUser"), statement("Allow", "iam:ListRoles"))
        self.does(
            "admin",
            *("iam", "put-role-policy", "--role-name", "deployer", "--policy-name", "deploying"),
            *("--policy-document", deploying),
        )
        credentials = self._assumes("deploy-1")
        assert credentials["AccessKeyId"].startswith("ASIA"), credentials["AccessKeyId"]
        identity = self.does("deploy-1", "sts", "get-caller-identity")
        assert identity["Arn"].endswith(":assumed-role/deployer/deploy-1"), identity
        self.does("deploy-1", "iam", "create-user", "--user-name", "service")
        self.refused("deploy-1", "iam", "list-users", code="AccessDenied")
        self._tokens_that_do_not_fit(credentials)
        narrowing = document(statement("Allow", "iam:ListRoles"))
        self._assumes("narrowed", "--policy", narrowing)
        self.does("narrowed", "iam", "list-roles")
        said = self.refused("narrowed", "iam", "create-user", "--user-name", "other", code="AccessDenied")
        assert "because no session policy allows the iam:CreateUser action" in said, said

    def _assumes(self, session_name: str, *more: str) -> dict[str, str]:
        """Alice takes on the role; the session is known by its name from then on."""
        answer = self.does(
            "alice",
            *("sts", "assume-role", "--role-arn", self.facts["deployer"], "--role-session-name", session_name, *more),
        )
        credentials: dict[str, str] = answer["Credentials"]
        self.becomes(session_name, credentials)
        return credentials

    def _tokens_that_do_not_fit(self, credentials: Mapping[str, str]) -> None:
        token = credentials["SessionToken"]
        middle = len(token) // 2
        tampered = token[:middle] + ("A" if token[middle] != "A" else "B") + token[middle + 1 :]
        others = self._assumes("deploy-2")["SessionToken"]
        for name, other in (("a wrong token", "x" * 200), ("a tampered one", tampered), ("another key's", others)):
            self.becomes(name, {**credentials, "SessionToken": other})
            self.refused(name, "sts", "get-caller-identity", code="InvalidClientTokenId")

    def sessions_end_early(self) -> None:
        """One session is revoked alone; then all older ones of the role, by AWS's own pattern."""
        self._assumes("kept")
        active = self.muniment("sessions", "--active", "--output", "json")
        ids = {row["session_name"]: row["session_id"] for row in map(json.loads, active.splitlines())}
        self.now("before the revocation")
        self.muniment("sessions", "revoke", ids["deploy-1"])
        self.refused("deploy-1", "iam", "list-roles", code="ExpiredToken")
        self.does("kept", "iam", "list-roles")
        next_second = (datetime.now(UTC) + timedelta(seconds=1)).isoformat(timespec="seconds")
        issued_before = {"DateLessThan": {"aws:TokenIssueTime": next_second}}
        older = document(statement("Deny", "*", Condition=issued_before))
        self.does(
            "admin",
            *("iam", "put-role-policy", "--role-name", "deployer", "--policy-name", "AWSRevokeOlderSessions"),
            *("--policy-document", older),
        )
        said = self.refused("kept", "iam", "list-roles", code="AccessDenied")
        assert "with an explicit deny in an identity-based policy" in said, said

    def a_key_is_rotated(self) -> None:
        """Alice's key is rotated: a second one, the old one inactive, then gone."""
        old = self.facts["alice's key"]
        new = self.does("admin", "iam", "create-access-key", "--user-name", "alice")["AccessKey"]
        self.becomes("alice's new key", new)
        self.does("alice's new key", "iam", "list-users")
        self.now("before the old key was inactive")
        status = ("--user-name", "alice", "--access-key-id", old)
        self.does("admin", "iam", "update-access-key", *status, "--status", "Inactive")
        self.refused("alice", "iam", "list-users", code="InvalidClientTokenId")
        used = self.does("admin", "iam", "get-access-key-last-used", "--access-key-id", old)
        assert used["UserName"] == "alice", used
        assert used["AccessKeyLastUsed"]["ServiceName"] == "iam", used
        assert used["AccessKeyLastUsed"]["Region"] == "us-east-1", used
        self.does("admin", "iam", "delete-access-key", *status)
        self.refused("alice", "iam", "list-users", code="InvalidClientTokenId")
        self.does("alice's new key", "iam", "list-users")

    def what_happened(self) -> None:
        """What happened, and how things stood before."""
        old = self.facts["alice's key"]
        lines = [
            json.loads(line)
            for line in self.muniment("history", "--access-key-id", old, "--output", "json").splitlines()
        ]
        operations = [(line["operation"], line["error_code"]) for line in lines]
        assert operations[:3] == [("ListUsers", "AccessDenied"), ("ListUsers", None), ("ListUsers", "AccessDenied")], (
            operations
        )
        assert ("ListUsers", "InvalidClientTokenId") in operations, operations
        assert all(line["source_address"] == "127.0.0.1" for line in lines), lines
        assert all(re.search(r"aws-cli|Botocore", line["user_agent"]) for line in lines if line["user_agent"]), lines
        self.muniment("history", "--access-key-id", old)
        now = self.muniment("permissions", "alice")
        assert "reading" in now, now
        before = self.muniment("permissions", "alice", "--as-of", self.facts["before alice joined"])
        assert "reading" not in before, before
        assert "deploy-1" not in self.muniment("sessions", "--active")
        assert "deploy-1" in self.muniment("sessions", "--active", "--as-of", self.facts["before the revocation"])
        assert old not in self.muniment("credentials")
        assert old in self.muniment("credentials", "--as-of", self.facts["before the old key was inactive"])

    def a_key_leaks(self) -> None:
        """The key of a build server leaks. What came of it is found, ended in one step, and compared with before."""
        self.does("admin", "iam", "create-user", "--user-name", "ci")
        allowing = document(statement("Allow", "iam:*"))
        inline = ("--user-name", "ci", "--policy-name", "building", "--policy-document", allowing)
        self.does("admin", "iam", "put-user-policy", *inline)
        key = self.does("admin", "iam", "create-access-key", "--user-name", "ci")["AccessKey"]
        leaked = key["AccessKeyId"]
        self.becomes("the intruder", key)
        before = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        self.does("the intruder", "iam", "create-user", "--user-name", "backup")
        second = self.does("the intruder", "iam", "create-access-key", "--user-name", "backup")["AccessKey"]
        self.becomes("backup", second)
        self.does("backup", "sts", "get-caller-identity")
        tree = self.muniment("sessions", "--tree", leaked)
        assert f"access key {second['AccessKeyId']} of backup  [active]" in tree, tree
        planned = self.muniment("contain", leaked, "--dry-run")
        assert re.search(r"would deny +AIDA\w+ +user/backup", planned), planned
        contained = self.muniment("contain", leaked, "--reason", "found in a build log")
        assert ": CONTAINED from p" in contained, contained
        for person in ("the intruder", "backup"):
            self.refused(person, "sts", "get-caller-identity", code="InvalidClientTokenId")
        self.muniment("trace", leaked, "--still-alive")
        told = self.muniment("trace", leaked)
        assert "Nothing of it is still usable." in told, told
        past = ("--endpoint-url", f"{self.server.endpoint}/as-of/{before}/")
        users = ("iam", "list-users", "--query", "Users[].UserName")
        names = [self.does("admin", *more, *users) for more in (past, ())]
        assert ["backup" in each for each in names] == [False, True], names

    def why_it_was_decided(self) -> None:
        """Why a call was denied, from the ledger alone; and every decision of the story comes out again as recorded."""
        denied = json.loads(
            self.muniment("history", "--operation", "ListGroups", "--error-code", "AccessDenied", "--output", "json")
        )
        told = self.muniment("explain", denied["request_id"])
        assert "iam:ListGroups on arn:aws:iam::" in told, told
        assert ": denied with an explicit deny in an identity-based policy" in told, told
        assert re.search(r"identity +inline policy no-groups of user/alice +0 +Deny +yes", told), told
        assert re.search(rf"identity +managed policy {self.facts['reading']} v1 +0 +Allow +yes", told), told
        every = explanations(self.server)
        allowed = next(call for call in every if call["operation"] == "ListGroups" and call["error_code"] is None)
        told = self.muniment("explain", allowed["request_id"])
        assert f": allowed by the identity-based policy {self.facts['reading']} statement 0" in told, told
        decisions = [decision for call in every for decision in call["decisions"]]
        differing = [decision for decision in decisions if not decision["agrees"]]
        assert not differing, differing
        results = {decision["recorded_result"] for decision in decisions}
        assert results == {"allowed", "implicitly denied", "explicitly denied"}, results
