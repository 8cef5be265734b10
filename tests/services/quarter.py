"""A quarter in the life of an account, told to a server in this process whose clock is ours.

The story stands in `before`, `july`, `august`, `september` and `after`. What is true of it, tests say in tables that
were written from the story by hand: nothing of them is made by the product's code but ids.
"""

import base64
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import patch

from botocore.credentials import Credentials as Keys

from domain.rules.mfa_devices import time_step
from services.accounts import NewAccount, open_account
from services.ledger.database import Database
from services.secrets.totp import code_at
from tests.services.api.in_process_server import InProcessServer, opened
from tests.services.api.leaked_key import organize
from tests.services.api.test_credential_lifecycle import Clock, post
from tests.services.endpoint import Statement, allow, document, trusting

FROM, TO = "2026-07-01", "2026-09-30"
ASKED = "10-05 09:00"
"""When an auditor asks about it."""
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
ROOT_TASK = "arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials"
START, STOP = "ec2:StartInstances", "ec2:StopInstances"
REPORTED = ("07-01 01:00", "07-20 23:00", "08-31 23:00", "09-30 23:00")
"""When Ada has AWS's own reports made."""


def moment(when: str) -> datetime:
    """Such as `07-16 09:00`, of 2026."""
    return datetime.fromisoformat(f"2026-{when}").replace(tzinfo=UTC)


@dataclass
class Quarter:
    house: InProcessServer
    clock: Clock
    account_id: str
    keys: dict[str, Keys]
    """By name: `bob/1` is the first that Bob had, `ada` the one that Ada uses, `ci in deployer` a session's."""
    ids: dict[str, str] = field(default_factory=dict)
    """Of exemptions and jobs of reports, by what they are about."""
    reported: dict[str, int] = field(default_factory=dict)
    """The positions right behind AWS's own reports, by REPORTED."""

    def arn(self, resource: str) -> str:
        return f"arn:aws:iam::{self.account_id}:{resource}"

    def on(self, when: str) -> None:
        """The scheduler comes by, too."""
        ledger, self.clock.now = self.house.ledger, moment(when)
        ledger.open_months()
        self.beside()
        assert ledger.scheduler.tick() is not None

    def beside(self) -> None:
        """What follows is no request: the last one's event loop is gone."""
        self.house.ledger.committer.deliver_through(lambda answer: answer())

    def does(self, operation: str, by: str = "ada", **members: str) -> str:
        """Of IAM, unless it says `sts:`."""
        status, answer = self._called(operation, by, members)
        assert status == 200, answer
        return answer

    def is_refused(self, operation: str, by: str, **members: str) -> None:
        assert self._called(operation, by, members)[0] == 403

    def _called(self, operation: str, by: str, members: dict[str, str]) -> tuple[int, str]:
        service, _, name = operation.rpartition(":")
        return self.house.aws_does(service or "iam", name, keys=self.keys[by], **members)

    def makes(self, key: str, by: str = "ada") -> None:
        """An access key, such as `bob/2`."""
        answer = self.does("CreateAccessKey", by, UserName=key.partition("/")[0])
        self.keys[key] = Keys(_member(answer, "AccessKeyId"), _member(answer, "SecretAccessKey"))

    def sets(self, key: str, status: str) -> None:
        self.does("UpdateAccessKey", **self.named(key), Status=status)

    def named(self, key: str, user: str | None = None) -> dict[str, str]:
        """As operations take a key; its user may be called otherwise by now."""
        return {"UserName": user or key.partition("/")[0], "AccessKeyId": self.keys[key].access_key}

    def assumes(self, by: str, role: str, name: str) -> None:
        """The session's keys are those of `BY in ROLE`."""
        members = {"RoleArn": self.arn(f"role/{role}"), "RoleSessionName": name}
        self.keys[f"{by} in {role}"] = session_keys(self.does("sts:AssumeRole", by, **members))

    def password(self, user: str, by: str = "ada") -> None:
        self.does("CreateLoginProfile", by, UserName=user, Password="correct-Horse-7-battery")

    def mfa(self, user: str, by: str = "ada") -> None:
        """A device of the user's, which there is, or is made."""
        serial = self.arn(f"mfa/{user}")
        if user not in self.ids:
            answer = self.does("CreateVirtualMFADevice", by, VirtualMFADeviceName=user)
            self.ids[user] = _member(answer, "Base32StringSeed")
        seed, step = base64.b32decode(base64.b64decode(self.ids[user])), time_step(self.clock.now)
        codes = {f"AuthenticationCode{i}": code_at(seed, step + i - 2) for i in (1, 2)}
        self.does("EnableMFADevice", by, UserName=user, SerialNumber=serial, **codes)

    def no_mfa(self, user: str) -> None:
        self.does("DeactivateMFADevice", UserName=user, SerialNumber=self.arn(f"mfa/{user}"))

    def in_group(self, user: str, group: str, by: str = "ada") -> None:
        self.does("AddUserToGroup", by, UserName=user, GroupName=group)

    def out_of_group(self, user: str, group: str) -> None:
        self.does("RemoveUserFromGroup", UserName=user, GroupName=group)

    def inline(self, holder: str, name: str, *statements: Statement) -> None:
        """Such as of `user/bob`."""
        kind, _, of = holder.partition("/")
        members = {f"{kind.title()}Name": of, "PolicyName": name, "PolicyDocument": document(*statements)}
        self.does(f"Put{kind.title()}Policy", **members)

    def exempts(self, who: str, until: str, reason: str, by: str = "ada", **from_what: list[str]) -> None:
        wanted = {"who": who, "until": until, "reason": reason, **(from_what or {"kinds": ["access_key"]})}
        told = post(self.house, "exemptions", keys=self.keys[by], **wanted)
        assert told.status == 200, told.body
        self.ids[f"exemption of {who}"] = told.body["exemption"]["exemption_id"]

    def reports(self, when: str) -> None:
        """AWS's own: of everybody's credentials, and of each user's services."""
        self.on(when)
        self.does("GenerateCredentialReport")
        for user in re.findall("<UserName>(.*?)</UserName>", self.does("ListUsers")):
            job = self.does("GenerateServiceLastAccessedDetails", Arn=self.arn(f"user/{user}"))
            self.ids[f"{when} {user}"] = _member(job, "JobId")
        told = self.house.asks("/v1/history?limit=1", keys=self.keys["ada"])
        assert told.position is not None
        self.reported[when] = told.position

    def reviewed(self) -> None:
        """By Carol, who is called Caroline by then: Bob keeps his group, Frank loses his, all else is left open."""
        told = self.house.asks("/v1/access-reviews/q3?limit=1000", keys=self.keys["carol"])
        lines = {f"{row['what']} of {row['principal_name']}": row["line_id"] for row in told.body["rows"]}
        decisions = [
            {"line_id": lines["membership of group ops of bob"], "decision": "keep", "reason": "on call"},
            {"line_id": lines["membership of group dev of frank"], "decision": "revoke", "reason": "has left the team"},
        ]
        told = post(self.house, "access-reviews/q3/decisions", keys=self.keys["carol"], decisions=decisions)
        assert told.status == 200, told.body


def _member(answer: str, name: str) -> str:
    return str(re.findall(f"<{name}>(.*?)</{name}>", answer)[0])


def session_keys(answer: str) -> Keys:
    return Keys(*(_member(answer, name) for name in ("AccessKeyId", "SecretAccessKey", "SessionToken")))


@contextmanager
def staged(database: Database, place: Path) -> Iterator[Quarter]:
    """The account after the story, at ASKED. It is a member of an organization that the server's first one manages."""
    clock = Clock()
    clock.now = moment("03-30 08:00")
    opening = NewAccount("436602865144", root_access_key_id="AKIAYAAAAAAAAAAAAAAB")
    with patch("botocore.auth.get_current_datetime", side_effect=clock), opened(database, place, clock) as house:
        quarter = Quarter(house, clock, opening.account_id, {"boss": house.user("boss", allow())})
        quarter.on("03-30 09:00")
        quarter.beside()
        key = open_account(house.ledger.committer, opening)
        organize(house, opening.account_id)
        quarter.keys["root/1"] = quarter.keys["root"] = Keys(key.access_key_id, opening.secret.reveal())
        quarter.does("EnableOrganizationsRootCredentialsManagement", "boss")
        for tell in (before, july, august, september, after):
            tell(quarter)
        quarter.on(ASKED)
        house.ledger.scheduler.resign()
        yield quarter


def before(account: Quarter) -> None:
    does, on = account.does, account.on
    on("03-30 09:05")
    does("CreateUser", "root", UserName="ada")
    does("AttachUserPolicy", "root", UserName="ada", PolicyArn=ADMINISTRATOR)
    account.makes("ada/1", "root")
    account.keys["ada"] = account.keys["ada/1"]
    on("04-01 10:00")
    does("CreatePolicy", PolicyName="operate", PolicyDocument=document(allow(START), allow(STOP)))
    for group in ("dev", "ops"):
        does("CreateGroup", GroupName=group)
    account.inline("group/dev", "read", allow("s3:GetObject"))
    does("AttachGroupPolicy", GroupName="ops", PolicyArn=account.arn("policy/operate"))
    for role in ("deployer", "hr"):
        does("CreateRole", RoleName=role, AssumeRolePolicyDocument=document(trusting(account.account_id)))
    operations = ("CreateUser", "AddUserToGroup", "CreateVirtualMFADevice", "EnableMFADevice", "CreateLoginProfile")
    account.inline("role/deployer", "release", allow("iam:ListRoles"))
    account.inline("role/hr", "people", *(allow(f"iam:{each}") for each in operations))
    for user, group in (("bob", "dev"), ("carol", "ops"), ("dan", "dev"), ("erin", "dev")):
        does("CreateUser", UserName=user)
        account.in_group(user, group)
    does("CreateUser", UserName="ci")
    account.inline("user/ci", "deploy", allow("sts:AssumeRole", account.arn("role/deployer")))
    duties = ("sts:AssumeRole", "muniment:*AccessReview", "muniment:GrantExemption", "iam:RemoveUserFromGroup")
    account.inline("user/carol", "duties", *(allow(each) for each in duties))
    account.mfa("carol")
    account.password("carol")
    on("04-10 08:00")
    account.makes("bob/1")
    on("05-20 08:00")
    account.makes("carol/1")
    on("06-01 06:00")
    account.makes("ci/1")
    does("sts:GetCallerIdentity", "ci/1")
    on("06-05 09:00")
    account.password("dan")
    account.makes("dan/1")
    on("06-15 10:00")
    account.exempts("ci", "2026-07-31", "the pipeline is being rebuilt")
    on("06-20 16:00")
    account.out_of_group("erin", "dev")
    does("DeleteUser", UserName="erin")


def july(account: Quarter) -> None:
    does, on = account.does, account.on
    account.reports("07-01 01:00")
    on("07-01 12:00")
    does("sts:GetCallerIdentity", "bob/1")
    on("07-03 10:00")
    does("CreateUser", UserName="frank")
    account.in_group("frank", "dev")
    account.password("frank")
    account.makes("frank/1")
    on("07-05 12:00")
    account.mfa("frank")
    on("07-08 11:00")
    account.makes("ada/2")
    account.keys["ada"] = account.keys["ada/2"]
    on("07-08 11:30")
    does("DeleteAccessKey", **account.named("ada/1"))
    on("07-10 07:00")
    account.assumes("ci/1", "deployer", "build-1")
    does("ListRoles", "ci/1 in deployer")
    on("07-10 09:00")
    account.exempts("bob", "2026-07-20", "his key is being replaced")
    on("07-12 11:00")
    account.mfa("dan")
    on("07-15 14:00")
    account.makes("bob/2")
    on("07-16 09:00")
    account.sets("bob/1", "Inactive")
    on("07-16 09:10")
    told = post(account.house, f"exemptions/{account.ids['exemption of bob']}/revoke", keys=account.keys["ada"])
    assert told.status == 200, told.body
    on("07-16 10:00")
    does("sts:GetCallerIdentity", "bob/2")
    account.reports("07-20 23:00")
    on("07-21 13:00")
    does("GetAccountSummary", "root")
    on("07-21 13:05")
    account.keys["root's session"] = session_keys(does("sts:GetSessionToken", "root"))
    on("07-21 13:06")
    does("sts:GetCallerIdentity", "root's session")
    on("07-23 09:00")
    does("DeleteAccessKey", **account.named("bob/1"))
    on("07-28 09:00")
    account.inline("group/dev", "logs", allow("logs:GetLogEvents"))


def august(account: Quarter) -> None:
    does, on = account.does, account.on
    on("08-03 09:00")
    account.no_mfa("dan")
    on("08-04 09:00")
    account.mfa("dan")
    on("08-05 09:00")
    does("CreateUser", UserName="hal")
    account.password("hal")
    on("08-06 17:00")
    does("DeleteLoginProfile", UserName="hal")
    does("DeleteUser", UserName="hal")
    on("08-10 09:00")
    account.keys["carol"] = account.keys["carol/1"]
    account.assumes("carol", "hr", "onboarding")
    does("CreateUser", "carol in hr", UserName="gina")
    account.in_group("gina", "ops", "carol in hr")
    account.mfa("gina", "carol in hr")
    account.password("gina", "carol in hr")
    on("08-12 09:00")
    account.out_of_group("bob", "dev")
    on("08-12 09:05")
    account.in_group("bob", "ops")
    on("08-15 10:00")
    account.inline("user/bob", "deploy", allow("sts:AssumeRole", account.arn("role/deployer")))
    on("08-18 07:00")
    account.makes("carol/2")
    account.keys["carol"] = account.keys["carol/2"]
    account.sets("carol/1", "Inactive")
    on("08-20 10:00")
    operate = {"PolicyArn": account.arn("policy/operate")}
    does("CreatePolicyVersion", **operate, PolicyDocument=document(allow(STOP)), SetAsDefault="true")
    on("08-22 10:00")
    does("SetDefaultPolicyVersion", **operate, VersionId="v1")
    on("08-25 09:00")
    account.sets("carol/1", "Active")
    account.reports("08-31 23:00")


def september(account: Quarter) -> None:
    does, on = account.does, account.on
    on("09-01 09:00")
    operate = {"UserName": "frank", "PolicyArn": account.arn("policy/operate")}
    does("AttachUserPolicy", **operate)
    on("09-01 10:00")
    account.exempts("root", "2026-12-31", "kept in the safe", by="carol")
    on("09-02 08:00")
    role = {"RoleArn": account.arn("role/deployer"), "RoleSessionName": "no"}
    account.is_refused("sts:AssumeRole", "root", **role)
    on("09-03 08:00")
    does("DeleteAccessKey", "root", AccessKeyId=account.keys["root/1"].access_key)
    on("09-04 09:00")
    does("DetachUserPolicy", **operate)
    on("09-05 12:00")
    wanted = {"who": "frank", "until": "2026-12-31", "reason": "mine"}
    assert post(account.house, "exemptions", keys=account.keys["frank/1"], **wanted).status == 403
    on("09-08 09:00")
    does("UpdateUser", UserName="carol", NewUserName="caroline")
    on("09-10 09:00")
    does("DeleteAccessKey", **account.named("carol/1", "caroline"))
    on("09-10 10:00")
    account.exempts("dan", "2026-12-31", "the badge printer's key", controls=["cis-5.0/1.13"])
    on("09-15 10:00")
    does("DeleteUserPolicy", UserName="bob", PolicyName="deploy")
    on("09-15 11:00")
    members = {"TargetPrincipal": account.account_id, "TaskPolicyArn.arn": ROOT_TASK}
    account.keys["boss as root"] = session_keys(does("sts:AssumeRoot", "boss", **members))
    on("09-15 11:01")
    does("GetAccountSummary", "boss as root")
    on("09-20 17:00")
    does("DeleteLoginProfile", UserName="gina")
    account.no_mfa("gina")
    does("DeleteVirtualMFADevice", SerialNumber=account.arn("mfa/gina"))
    account.out_of_group("gina", "ops")
    does("DeleteUser", UserName="gina")
    on("09-24 09:00")
    started = post(account.house, "access-reviews", keys=account.keys["ada"], name="q3", principals="users")
    assert started.status == 200, started.body
    on("09-25 10:00")
    account.reviewed()
    on("09-28 09:00")
    account.in_group("frank", "dev")
    on("09-29 16:00")
    closed = post(account.house, "access-reviews/q3/close", keys=account.keys["ada"], incomplete=True)
    assert closed.status == 200, closed.body
    account.reports("09-30 23:00")


def after(account: Quarter) -> None:
    """What belongs to the next quarter: it begins with the first of these."""
    account.on("10-01 00:00")
    account.does("CreateUser", UserName="ivy")
    account.password("ivy")
    account.does("AttachUserPolicy", UserName="ivy", PolicyArn=account.arn("policy/operate"))
    account.exempts("ivy", "2026-12-31", "new")
