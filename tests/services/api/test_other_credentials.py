"""Credentials that sign no calls: traced and contained by their ids."""

import re

from tests.services.api.incident import ANYTHING, Incident


def test_a_service_specific_credential_that_leaked(incident: Incident) -> None:
    """By its id: who made it and whose it is; contained it is inactive, nothing else is, and once somebody activates it
    again it is alive, for the service that takes it asks for no more than that."""
    does, asks = incident.does, incident.house.asks
    made = does("CreateServiceSpecificCredential", UserName="vic", ServiceName="codecommit.amazonaws.com")
    (named,) = re.findall("<ServiceSpecificCredentialId>(.*)</ServiceSpecificCredentialId>", made)
    traced = asks(f"/v1/trace/{named}").body
    assert (traced["seed"]["kind"], traced["owner"]["arn_now"].split("/")[-1]) == ("service_specific_credential", "vic")
    assert [node["subject_id"] for node in traced["descent"]["alive"]] == [named]
    assert traced["containment"]["contain"] == f"muniment contain {named}"
    incident.contains(credential=named)
    assert asks(f"/v1/trace/{named}/alive").body["alive"] == []
    assert "<Status>Inactive</Status>" in does("ListServiceSpecificCredentials", UserName="vic")
    assert incident.house.aws_does("sts", "GetCallerIdentity", keys=incident.vic)[0] == 200
    status = {"ServiceSpecificCredentialId": named, "Status": "Active"}
    does("UpdateServiceSpecificCredential", UserName="vic", **status)
    assert [node["state"] for node in asks(f"/v1/trace/{named}/alive").body["alive"]] == ["active"]
    incident.contains(credential=named)
    assert asks(f"/v1/trace/{named}/alive").body["alive"] == []
    only_vics = {**ANYTHING, "Resource": f"arn:aws:muniment::{incident.house.account_id}:credential/user/vic"}
    for name, statement, status_code in (("may", only_vics, 200), ("may-not", {**ANYTHING, "Action": "iam:*"}, 403)):
        keys = incident.house.user(name, statement)
        assert asks(f"/v1/trace/{named}/alive", keys=keys).status == status_code


def test_what_is_no_credential(incident: Incident) -> None:
    """An MFA device and a provider have no lineage: whom to ask for instead is told."""
    device = incident.enables("own", None)
    told = incident.house.asks(f"/v1/trace/{device.replace('/', '%2F')}").error
    assert told[0] == "InvalidInput"
    assert "Ask for whom it was enabled: vic." in told[1]
    incident.does("CreateOpenIDConnectProvider", Url="https://token.example.com")
    provider = incident.oidc_provider("token")
    _, message = incident.house.asks(f"/v1/trace/{provider.replace('/', '%2F')}").error
    assert message.endswith(f"muniment history --on {provider}")
