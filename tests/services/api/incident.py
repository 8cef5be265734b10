"""An account in which a key has leaked, and what its thief and others do there."""

import base64
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.credentials import Credentials as Keys

from domain.account import Account
from domain.facts import FactValue, facts, subjects
from domain.families.containment import CONTAINED_POLICY_NAME
from domain.families.saml_providers import SAML_PROVIDERS
from domain.rules.mfa_devices import time_step
from services.secrets.totp import code_at
from tests.saml import saml_metadata
from tests.services.api.in_process_server import InProcessServer, Reply
from tests.services.iam.certificates import certificate

ANYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}
NO_S3 = {"Effect": "Deny", "Action": "s3:*", "Resource": "*"}
OF_RED = {**ANYTHING, "Condition": {"StringEquals": {"aws:PrincipalTag/team": "red"}}}
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
NOT_RESTORED = {"access key", "login profile", "policy version", "revocation", "contained lineage"}
STRANGER = "arn:aws:iam::999988887777:root"


def document(*statements: object) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def trusting(*arns: str) -> str:
    return document(*({"Effect": "Allow", "Principal": {"AWS": arn}, "Action": "sts:AssumeRole"} for arn in arns))


class Incident:
    """Eve, an administrator, has lost her key. Others work in the account."""

    def __init__(self, house: InProcessServer) -> None:
        self.house = house
        self.own_root = f"arn:aws:iam::{house.account_id}:root"
        self.deny_s3 = f"arn:aws:iam::{house.account_id}:policy/no-s3"
        self.eve = house.user("eve", ANYTHING)
        self.vic = house.user("vic", NO_S3)
        self.does("CreateRole", RoleName="ops", AssumeRolePolicyDocument=trusting(self.own_root))
        self.does("PutRolePolicy", RoleName="ops", PolicyName="may", PolicyDocument=document(ANYTHING))

    def does(self, operation: str, keys: Keys | None = None, **members: str) -> str:
        status, answer = self.house.aws_does("iam", operation, keys=keys, **members)
        assert status == 200, answer
        return answer

    def steals(self, operation: str, **members: str) -> None:
        """By the thief: NO_S3 stands for the policy that denies S3, OWN for the account's root."""
        known = {"NO_S3": self.deny_s3, "TOKEN": self.oidc_provider("token"), "OKTA": self.saml_provider}
        meant = {name: known.get(value, value).replace("OWN", self.own_root) for name, value in members.items()}
        self.does(operation, keys=self.eve, **meant)

    def enables(self, name: str, keys: Keys | None) -> str:
        """The serial number of a new MFA device of Vic's."""
        answer = self.does("CreateVirtualMFADevice", keys, VirtualMFADeviceName=name)
        (seed,) = re.findall("<Base32StringSeed>(.*)</Base32StringSeed>", answer)
        key, step = base64.b32decode(base64.b64decode(seed)), time_step(datetime.now(UTC))
        codes = {f"AuthenticationCode{i}": code_at(key, step + i - 2) for i in (1, 2)}
        serial = f"arn:aws:iam::{self.house.account_id}:mfa/{name}"
        self.does("EnableMFADevice", keys, UserName="vic", SerialNumber=serial, **codes)
        return serial

    def trusts(self, *arns: str, keys: Keys | None = None) -> None:
        """Role ops these, besides the account itself."""
        trust = trusting(self.own_root, *arns)
        self.does("UpdateAssumeRolePolicy", keys=keys, RoleName="ops", PolicyDocument=trust)

    def peopled(self) -> None:
        """With groups, policies, boundaries and tags that the thief is going to alter."""
        for name in ("bob", "carl", "dora"):
            self.does("CreateUser", UserName=name)
        for group, statement in (("readers", ANYTHING), ("barred", NO_S3)):
            self.does("CreateGroup", GroupName=group)
            self.does("PutGroupPolicy", GroupName=group, PolicyName="p", PolicyDocument=document(statement))
        self.does("AddUserToGroup", GroupName="barred", UserName="carl")
        self.does("CreatePolicy", PolicyName="no-s3", PolicyDocument=document(NO_S3))
        self.does("AttachUserPolicy", UserName="vic", PolicyArn=self.deny_s3)
        self.does("PutUserPermissionsBoundary", UserName="bob", PermissionsBoundary=self.deny_s3)
        self.does("PutUserPolicy", UserName="carl", PolicyName="of-red", PolicyDocument=document(OF_RED))
        tag = {"Tags.member.1.Key": "Team", "Tags.member.1.Value": "blue"}
        self.does("TagUser", UserName="carl", **tag)
        for host in ("token", "gone"):
            self.does("CreateOpenIDConnectProvider", Url=f"https://{host}.example.com")
            trust = (
                trusting(self.oidc_provider(host)).replace("AWS", "Federated").replace("Role", "RoleWithWebIdentity")
            )
            self.does("CreateRole", RoleName=f"web-{host}", AssumeRolePolicyDocument=trust)
        shop = certificate("shop", ends=datetime.now(UTC) + timedelta(days=1))
        self.does(
            "UploadServerCertificate", ServerCertificateName="shop", CertificateBody=shop.body, PrivateKey=shop.key
        )
        self.does("CreateSAMLProvider", Name="okta", SAMLMetadataDocument=saml_metadata())
        trust = trusting(self.saml_provider).replace("AWS", "Federated").replace("Role", "RoleWithSAML")
        self.does("CreateRole", RoleName="signed-on", AssumeRolePolicyDocument=trust)
        self.does("DeleteOpenIDConnectProvider", OpenIDConnectProviderArn=self.oidc_provider("gone"))

    @property
    def saml_provider(self) -> str:
        return f"arn:aws:iam::{self.house.account_id}:saml-provider/okta"

    def saml_keys(self, name: str) -> list[str]:
        """Ids of the private keys of a SAML provider."""
        provider = self.account()[SAML_PROVIDERS][f"arn:aws:iam::{self.house.account_id}:saml-provider/{name}"]
        return [key.id for key in provider.private_keys]

    def oidc_provider(self, host: str) -> str:
        return f"arn:aws:iam::{self.house.account_id}:oidc-provider/{host}.example.com"

    def contains(self, **parameters: object) -> Reply:
        body = json.dumps({"credential": self.eve.access_key, **parameters}).encode()
        told = self.house.asks("/v1/contain", method="POST", body=body)
        assert told.status == 200, told.body
        return told

    def alive(self, query: str = "") -> dict[str, Any]:
        told = self.house.asks(f"/v1/trace/{self.eve.access_key}/alive{query}")
        assert told.status == 200, told.body
        return told.body

    def account(self) -> Account:
        with self.house.ledger.readers.connection() as connection, connection.cursor() as cursor:
            found = self.house.ledger.past.at(cursor, self.house.account_id, 1 << 60)
        assert isinstance(found, Account)
        return found

    def says(self) -> dict[object, FactValue]:
        """Every fact of the account, but for keys and passwords, and what contains."""
        account = self.account()
        return {
            fact: value
            for subject in subjects(account)
            for fact, value in facts(account, subject).items()
            if fact.kind.name not in NOT_RESTORED and not fact.id.endswith(CONTAINED_POLICY_NAME)
        }
