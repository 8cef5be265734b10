"""The history finds calls by all that anything they are about is called by, and by all that they asked for."""

import json
import re
from typing import Any
from urllib.parse import quote

import pytest
from botocore.credentials import Credentials as Keys

from services.service_principals import deregister_service, register_service
from services.wire.operations import all_operations
from tests.saml import private_key, saml_metadata
from tests.services.api.in_process_server import InProcessServer
from tests.services.api.incident import ANYTHING, Incident, document
from tests.services.iam.scene import ssh_public_key

NAMES_NOTHING = {
    *("client_id", "external_id", "marker", "role_session_name", "source_identity", "version_id"),
    *("name", "organizations_policy_id"),
}
"""Parameters that look as if they named something of the account; and `name`, whose calls are found by the resource
that was authorised."""


def operations(house: InProcessServer, **asked: str) -> list[str]:
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in asked.items())
    told = house.asks(f"/v1/history?{query}")
    assert told.status == 200, told.body
    return [call["operation"] + ("" if call["error_code"] is None else "!") for call in told.body["calls"]]


def told(answer: str, name: str) -> str:
    return str(re.findall(f"<{name}>(.*?)</{name}>", answer)[0])


def test_by_every_name_and_id(incident: Incident) -> None:
    """Devices, certificates, providers and their keys, credentials of services, deletions, reports: refused calls are
    found too, and another that gets a former one's name is not that one."""
    house, does = incident.house, incident.does
    account_id = house.account_id

    def refused(operation: str, **members: str) -> None:
        assert house.aws_does("iam", operation, **members)[0] != 200

    incident.peopled()
    key = told(does("UploadSSHPublicKey", UserName="vic", SSHPublicKeyBody=ssh_public_key()), "SSHPublicKeyId")
    does("DeleteSSHPublicKey", UserName="vic", SSHPublicKeyId=key)
    found = house.asks(f"/v1/history?on={key}&operation=DeleteSSHPublicKey")
    assert found.status == 200, found.body
    assert [call["resources"][:2] for call in found.body["calls"]] == [["user/vic", key]]
    assert "SSH public key" not in found.body["calls"][0]["resources"], "That is its kind."
    does("UpdateServerCertificate", ServerCertificateName="shop", NewServerCertificateName="store")
    does("CreateVirtualMFADevice", VirtualMFADeviceName="phone", Path="/x/")
    serial = f"arn:aws:iam::{account_id}:mfa/x/phone"
    refused(
        "EnableMFADevice", UserName="vic", SerialNumber=serial, AuthenticationCode1="0" * 6, AuthenticationCode2="1" * 6
    )
    does("DeleteVirtualMFADevice", SerialNumber=serial)
    saml = {"SAMLProviderArn": incident.saml_provider}
    refused("CreateSAMLProvider", Name="okta", SAMLMetadataDocument="x" * 1_000)
    does("UpdateSAMLProvider", **saml, AddPrivateKey=private_key())
    (key_id,) = incident.saml_keys("okta")
    uuid = told(does("GetSAMLProvider", **saml), "SAMLProviderUUID")
    does("UpdateSAMLProvider", **saml, RemovePrivateKey=key_id)
    refused("UpdateSAMLProvider", **saml, RemovePrivateKey=key_id)
    does("DeleteSAMLProvider", **saml)
    does("CreateSAMLProvider", Name="okta", SAMLMetadataDocument=saml_metadata())
    made = does("CreateServiceSpecificCredential", UserName="vic", ServiceName="codecommit.amazonaws.com")
    ids = {"UserName": "vic", "ServiceSpecificCredentialId": told(made, "ServiceSpecificCredentialId")}
    does("UpdateServiceSpecificCredential", **ids, Status="Inactive")
    refused("DeleteSSHPublicKey", UserName="vic", SSHPublicKeyId="APKA" + "Q" * 20)
    does("CreateServiceLinkedRole", AWSServiceName="ecs.amazonaws.com")
    task = told(does("DeleteServiceLinkedRole", RoleName="AWSServiceRoleForECS"), "DeletionTaskId")
    does("GetServiceLinkedRoleDeletionStatus", DeletionTaskId=task)
    certificate_id = told(does("GetServerCertificate", ServerCertificateName="store"), "ServerCertificateId")
    job = told(does("GenerateServiceLastAccessedDetails", Arn=f"arn:aws:iam::{account_id}:user/vic"), "JobId")

    devices = ["CreateVirtualMFADevice", "EnableMFADevice!", "DeleteVirtualMFADevice"]
    provider = ["CreateSAMLProvider", "CreateRole", "CreateSAMLProvider!", "UpdateSAMLProvider", "GetSAMLProvider"]
    rest = ["UpdateSAMLProvider", "UpdateSAMLProvider!", "DeleteSAMLProvider"]
    certificate = ["UploadServerCertificate", "UpdateServerCertificate", "GetServerCertificate"]
    credential = ["CreateServiceSpecificCredential", "UpdateServiceSpecificCredential"]
    expected = {
        "phone": devices,
        "mfa/phone": devices,
        serial: devices,
        "shop": certificate[:2],
        "store": certificate[1:],
        "server-certificate/store": certificate[1:],
        certificate_id: certificate,
        certificate_id.lower(): certificate,
        "saml-provider/okta": [*provider, *rest, "CreateSAMLProvider"],
        uuid: [*provider, *rest],
        key_id: ["UpdateSAMLProvider", *rest[:2]],
        "https://token.example.com": ["CreateOpenIDConnectProvider", "CreateRole"],
        "token.example.com": ["CreateOpenIDConnectProvider", "CreateRole"],
        ids["ServiceSpecificCredentialId"]: credential,
        told(made, "ServiceUserName"): credential,
        "APKA" + "Q" * 20: ["DeleteSSHPublicKey!"],
        task: ["DeleteServiceLinkedRole", "GetServiceLinkedRoleDeletionStatus"],
        job: ["GenerateServiceLastAccessedDetails"],
    }
    expected["okta"] = expected["saml-provider/okta"]
    assert {named: operations(house, on=named) for named in expected} == expected


def test_every_parameter_that_names_something_is_looked_at(house: InProcessServer) -> None:
    """Of all operations, each parameter that ends like a name or id: what it says is found, or stands above."""
    named = re.compile("(^|_)(name|id|arn|number|url|alias)$")
    aws = [operation for operation in all_operations() if operation.service in {"iam", "sts"}]
    recorded = {each for operation in aws for each in operation.recorded if named.search(each)}
    with house.ledger.readers.connection() as connection, connection.transaction():
        connection.execute("set local search_path to views")
        for parameter in sorted(recorded - NAMES_NOTHING):
            value = "arn:aws:iam::111111111111:x/y" if parameter.endswith("arn") else "thing"
            said = f'{{"{parameter}": "{value}", "user_name": "u"}}'
            rows = connection.execute("select name from resources_named('111111111111', %s::jsonb)", (said,)).fetchall()
            assert len({name for (name,) in rows if name} - {"user/u"}) == 1 or parameter == "user_name", parameter


def test_an_action_that_is_no_operation(incident: Incident) -> None:
    """The calls that asked for it, whether it was allowed or not; with its service or without. Of an operation, its
    calls alone, be it that others ask for the same."""
    house = incident.house
    incident.does("CreateInstanceProfile", InstanceProfileName="web")
    added = {"InstanceProfileName": "web", "RoleName": "ops"}
    adder = house.user("adder", {"Effect": "Allow", "Action": "iam:AddRoleToInstanceProfile", "Resource": "*"})
    assert house.aws_does("iam", "AddRoleToInstanceProfile", keys=adder, **added)[0] == 403
    incident.does("AddRoleToInstanceProfile", **added)
    for spelt in ("iam:PassRole", "passrole", "iam:pass-role"):
        assert operations(house, operation=spelt) == ["AddRoleToInstanceProfile!", "AddRoleToInstanceProfile"]
    incident.does("CreateUser", UserName="u", **{"Tags.member.1.Key": "k", "Tags.member.1.Value": "v"})
    assert operations(house, operation="iam:TagUser") == []
    assert house.asks("/v1/history?operation=sts%3APassRole").status == 404


@pytest.mark.parametrize("word", ["--on", "--principal"])
def test_nothing_more_is_claimed_than_was_looked_for(house: InProcessServer, word: str) -> None:
    """What no call has named may be there all the same."""
    refused = house.asks(f"/v1/history?{word.removeprefix('--')}=svc.example.com")
    assert (refused.status, "nothing is or was called so" in str(refused.body)) == (404, False)


def test_sessions_of_a_federated_user(incident: Incident) -> None:
    """Found, traced and contained by all that the session itself is told that it is: of several, by the key id."""
    house = incident.house

    def contained(credential: str, **how: object) -> dict[str, Any]:
        body = json.dumps({"credential": credential, **how}).encode()
        return house.asks("/v1/contain", method="POST", body=body).body

    federated = {"Name": "bob", "Policy": document(ANYTHING)}
    status, answer = house.aws_does("sts", "GetFederationToken", keys=incident.eve, **federated)
    assert status == 200
    bob = Keys(*(told(answer, name) for name in ("AccessKeyId", "SecretAccessKey", "SessionToken")))
    _, identity = house.aws_does("sts", "GetCallerIdentity", keys=bob)
    names = [told(identity, "UserId"), told(identity, "Arn"), "federated-user/bob", bob.access_key]
    assert names[0] == f"{house.account_id}:bob"
    for named in names:
        assert operations(house, principal=named) == ["GetCallerIdentity"]
        assert operations(house, on=named)[0] == "GetFederationToken"
        for question in ("trace", "lineage"):
            seen = house.asks(f"/v1/{question}/{quote(named, safe='')}")
            assert (seen.status, bob.access_key in str(seen.body)) == (200, True)
        assert [len(account["revoked"]) for account in contained(named, dry_run=True)["accounts"]] == [1]
    house.aws_does("sts", "GetFederationToken", keys=incident.eve, Name="bob")
    several = house.asks("/v1/trace/federated-user%2Fbob")
    assert (several.status, "is the name of several sessions" in str(several.body)) == (400, True)
    unknown = house.asks("/v1/trace/federated-user%2Fbop")
    assert "The nearest is federated-user/bob" in str(unknown.body)
    assert contained(bob.access_key)["remaining"] == []
    assert house.aws_does("sts", "GetCallerIdentity", keys=bob)[0] == 403


def test_the_key_of_a_registered_service(incident: Incident) -> None:
    """It is in no account, which is said, by its key and its name, with what it has there and how that is ended: each
    session with what it has made. A key that was never used there is told as one, too."""
    house, committer = incident.house, incident.house.ledger.committer
    committer.deliver_through(lambda deliver: deliver())
    key = register_service(committer, "night.example.com")
    keys = Keys(key.access_key_id, key.secret.reveal())
    unused = house.asks(f"/v1/trace/{key.access_key_id}")
    assert (unused.status, "It has had no session in" in str(unused.body)) == (400, True)
    trust = document({"Effect": "Allow", "Principal": {"Service": "night.example.com"}, "Action": "sts:AssumeRole"})
    incident.does("CreateRole", RoleName="nightly", AssumeRolePolicyDocument=trust)
    incident.does("PutRolePolicy", RoleName="nightly", PolicyName="may", PolicyDocument=document(ANYTHING))
    role = {"RoleArn": f"arn:aws:iam::{house.account_id}:role/nightly", "RoleSessionName": "n1"}
    status, answer = house.aws_does("sts", "AssumeRole", keys=keys, **role)
    assert status == 200
    session = Keys(*(told(answer, name) for name in ("AccessKeyId", "SecretAccessKey", "SessionToken")))
    incident.does("CreateUser", keys=session, UserName="mallory")

    for named in (key.access_key_id, "night.example.com"):
        for asked in (
            house.asks(f"/v1/trace/{named}"),
            house.asks(f"/v1/lineage/{named}"),
            house.asks("/v1/contain", method="POST", body=json.dumps({"credential": named}).encode()),
        ):
            assert asked.status == 400
            said = asked.body["error"]["message"]
            assert f"{named} is " in said
            assert "muniment service-principal deregister night.example.com" in said
            assert "1 in all, 1 are active; what it asked for: muniment history --principal night.example.com" in said
            assert f"muniment contain {session.access_key}" in said
    committer.deliver_through(lambda deliver: deliver())
    deregister_service(committer, "night.example.com")
    contained = house.asks("/v1/contain", method="POST", body=json.dumps({"credential": session.access_key}).encode())
    assert contained.body["remaining"] == []
    assert house.aws_does("sts", "GetCallerIdentity", keys=session)[0] == 403
    assert "1 in all, 0 are active" in str(house.asks(f"/v1/trace/{key.access_key_id}").body)
