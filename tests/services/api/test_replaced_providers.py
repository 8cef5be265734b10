"""Providers that a lineage has deleted and made anew under their names."""

from typing import Any

from tests.saml import private_key, saml_metadata
from tests.services.api.incident import Incident


def restored(incident: Incident) -> dict[str, Any]:
    (told,) = [each for each in incident.contains(restore=True).body["restored"] if "private key" not in each["what"]]
    return dict(told)


def test_an_oidc_provider(incident: Incident) -> None:
    """It is what it was: whom it vouches for is the former owner's choice again."""
    url, arn = "https://idp.example.com", f"arn:aws:iam::{incident.house.account_id}:oidc-provider/idp.example.com"
    named, new = {"OpenIDConnectProviderArn": arn}, "CreateOpenIDConnectProvider"
    incident.does(new, Url=url, **{"ClientIDList.member.1": "good", "ThumbprintList.member.1": "b" * 40})
    before = incident.does("GetOpenIDConnectProvider", **named)
    incident.steals("DeleteOpenIDConnectProvider", **named)
    incident.steals(new, Url=url, **{"ClientIDList.member.1": "evil", "ThumbprintList.member.1": "c" * 40})
    told = restored(incident)
    assert (told["before"], told["after"]) == (f"good, {'b' * 40}", f"evil, {'c' * 40}")
    assert told["refused"] is None
    after = incident.does("GetOpenIDConnectProvider", **named)
    assert all(f"<member>{each}</member>" in text for text in (before, after) for each in ("good", "b" * 40))
    assert "evil" not in after


def test_a_saml_provider(incident: Incident) -> None:
    """Its metadata is back; of its private keys, which went with it, it is said that they are gone."""
    arn = f"arn:aws:iam::{incident.house.account_id}:saml-provider/idp"
    named, new = {"SAMLProviderArn": arn}, "CreateSAMLProvider"
    incident.does(new, Name="idp", SAMLMetadataDocument=saml_metadata(), AddPrivateKey=private_key())
    incident.steals("DeleteSAMLProvider", **named)
    incident.steals(new, Name="idp", SAMLMetadataDocument=saml_metadata("b"), AddPrivateKey=private_key())
    told = restored(incident)
    assert "its private keys were destroyed when it was deleted; add them again" in told["refused"]
    assert incident.saml_keys("idp") == []


def test_one_that_is_gone(incident: Incident) -> None:
    """Nothing makes it again, and both a dry run and the containment say that this stays as it is."""
    named = {"OpenIDConnectProviderArn": f"arn:aws:iam::{incident.house.account_id}:oidc-provider/idp.example.com"}
    incident.does("CreateOpenIDConnectProvider", Url="https://idp.example.com")
    incident.steals("DeleteOpenIDConnectProvider", **named)
    for dry_run in (True, False):
        told = incident.contains(restore=True, dry_run=dry_run).body
        assert (told["restored"], [node["kind"] for node in told["standing"]]) == ([], ["oidc_provider_removed"])
