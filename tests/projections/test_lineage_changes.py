"""What a lineage has changed of what others made, so that somebody could come in."""

import psycopg

from domain.families.boundaries import PermissionsBoundaryDeleted, PermissionsBoundaryPut
from domain.families.groups import GroupCreated, UserAddedToGroup, UserRemovedFromGroup
from domain.families.instance_profiles import (
    InstanceProfileCreated,
    InstanceProfileDeleted,
    RoleAddedToInstanceProfile,
    RoleRemovedFromInstanceProfile,
)
from domain.families.passwords import (
    LoginProfileCreated,
    LoginProfileDeleted,
    LoginProfileUpdated,
    PasswordChanged,
    RootLoginProfileCreated,
    RootLoginProfileDeleted,
)
from domain.families.policies import (
    DefaultPolicyVersionSet,
    InlinePolicyDeleted,
    InlinePolicyPut,
    PolicyAttached,
    PolicyCreated,
    PolicyDetached,
    PolicyVersionCreated,
    PolicyVersionDeleted,
)
from domain.families.roles import TrustPolicyReplaced
from domain.families.saml_providers import SAMLPrivateKeyAdded, SAMLPrivateKeyRemoved, SAMLProviderCreated
from domain.families.server_certificates import (
    ServerCertificateDeleted,
    ServerCertificateUpdated,
    ServerCertificateUploaded,
)
from domain.families.user_credentials import (
    ServiceSpecificCredentialCreated,
    ServiceSpecificCredentialReset,
    SigningCertificateUploaded,
    SSHPublicKeyUploaded,
    UserCredentialActivated,
    UserCredentialDeactivated,
    UserCredentialDeleted,
)
from domain.foundation.events import Event
from domain.foundation.moments import AsOf
from projections.queries.lineage import trace_lineage
from tests.projections.conftest import Project
from tests.projections.histories import DOCUMENTS, TRUST
from tests.projections.ledger import NOW, Ledger
from tests.projections.operations import admin, leaked, newest
from tests.projections.use_events import CALLED


def test_changes_that_let_somebody_in(writer: psycopg.Connection, reader: psycopg.Cursor, project: Project) -> None:
    """Each kind of change is told, and is active until another one has taken its place or undone it."""
    ledger = Ledger(writer)
    key = leaked(ledger)
    arn = f"arn:aws:iam::{ledger.account_id}:policy/P"
    ann = {"entity": "user", "entity_id": "AIDAann", "entity_name": "ann"}
    policy = {**ann, "policy_id": "ANPAP", "policy_arn": arn}
    role = {"role_id": "AROAbuilder", "role_name": "builder", "trusted": {}}
    in_group = {"group_id": "AGPAops", "group_name": "ops", "user_id": "AIDAann", "user_name": "ann"}
    profile = {"instance_profile_id": "AIPAweb", "instance_profile_name": "web"}
    builder = {"role_id": "AROAbuilder", "role_name": "builder"}
    of_ann = {"user_id": "AIDAann", "user_name": "ann"}
    of_root = {"user_id": ledger.account_id, "user_name": ledger.account_id}
    inline = {**ann, "policy_name": "mine"}
    ssh, cert = {**of_ann, "credential_id": "APKAANN"}, {**of_ann, "credential_id": "CERTIFICATE"}
    git = {**of_ann, "credential_id": "ACCAANN"}
    mail = {"service_name": "cassandra.amazonaws.com", "service_user_name": "ann-at-1"}
    okta = {"provider_arn": "arn:aws:iam::1:saml-provider/okta", "provider_name": "okta"}
    site = {"server_certificate_id": "ASCASITE", "server_certificate_name": "site"}
    shop = {"new_server_certificate_name": "shop", "new_path": "/"}
    steps: list[tuple[Event, str, Event, str]] = [
        (TrustPolicyReplaced(**role, trust_policy=TRUST), "trust_policy",
         TrustPolicyReplaced(**role, trust_policy=TRUST), "replaced"),
        (PolicyCreated(policy_id="ANPAP", policy_arn=arn, policy_name="P", path="/", document=DOCUMENTS[0]), "policy",
         PolicyVersionCreated(policy_arn=arn, version=2, document=DOCUMENTS[1], is_default=False), "active"),
        (PolicyVersionCreated(policy_arn=arn, version=3, document=DOCUMENTS[2], is_default=True), "policy_version",
         DefaultPolicyVersionSet(policy_arn=arn, version=2), "inactive"),
        (DefaultPolicyVersionSet(policy_arn=arn, version=3), "policy_default",
         DefaultPolicyVersionSet(policy_arn=arn, version=1), "replaced"),
        (PolicyVersionCreated(policy_arn=arn, version=4, document=DOCUMENTS[2], is_default=True), "policy_version",
         PolicyVersionCreated(policy_arn=arn, version=5, document=DOCUMENTS[2], is_default=True), "inactive"),
        (PolicyVersionCreated(policy_arn=arn, version=6, document=DOCUMENTS[2], is_default=False), "policy_version",
         PolicyVersionDeleted(policy_arn=arn, version=6), "deleted"),
        (PolicyAttached(**policy), "attachment", PolicyDetached(**policy), "removed"),
        (InlinePolicyPut(**inline, document=DOCUMENTS[0]), "inline_policy",
         InlinePolicyPut(**inline, document=DOCUMENTS[1]), "replaced"),
        (InlinePolicyDeleted(**inline), "inline_policy_removed",
         InlinePolicyPut(**inline, document=DOCUMENTS[1]), "replaced"),
        (PermissionsBoundaryPut(**policy), "boundary", PermissionsBoundaryDeleted(**policy), "removed"),
        (GroupCreated(group_id="AGPAops", group_name="ops", path="/"), "group", CALLED, "active"),
        (UserAddedToGroup(**in_group), "membership", UserRemovedFromGroup(**in_group), "removed"),
        (InstanceProfileCreated(**profile, path="/"), "instance_profile",
         InstanceProfileDeleted(**profile), "deleted"),
        (InstanceProfileCreated(**profile, path="/"), "instance_profile", CALLED, "active"),
        (RoleAddedToInstanceProfile(**profile, **builder), "profile_role",
         RoleRemovedFromInstanceProfile(**profile, **builder), "removed"),
        (RoleAddedToInstanceProfile(**profile, **builder), "profile_role", CALLED, "active"),
        (RoleRemovedFromInstanceProfile(**profile, **builder), "profile_role_removed",
         RoleAddedToInstanceProfile(**profile, **builder), "replaced"),
        (LoginProfileCreated(**of_ann, password_id="P1", reset_required=False), "password",
         LoginProfileUpdated(**of_ann, reset_required=True), "active"),
        (LoginProfileUpdated(**of_ann, password_id="P2", reset_required=False), "password",
         PasswordChanged(**of_ann, password_id="P3"), "replaced"),
        (PasswordChanged(**of_ann, password_id="P4"), "password", LoginProfileDeleted(**of_ann), "removed"),
        (RootLoginProfileCreated(**of_root), "password", RootLoginProfileDeleted(**of_root), "removed"),
        (SSHPublicKeyUploaded(**ssh, fingerprint="f", body_sha256="b", pem_sha256="p"), "ssh_public_key",
         UserCredentialDeactivated(**ssh, credential="SSH public key"), "inactive"),
        (UserCredentialActivated(**ssh, credential="SSH public key"), "credential_activation",
         UserCredentialDeactivated(**ssh, credential="SSH public key"), "replaced"),
        (ServiceSpecificCredentialCreated(**git, **mail, secret_id="S1"), "service_specific_credential",
         ServiceSpecificCredentialReset(**git, secret_id="S2"), "replaced"),
        (ServiceSpecificCredentialReset(**git, secret_id="S3"), "service_specific_credential_reset",
         ServiceSpecificCredentialReset(**git, secret_id="S4"), "replaced"),
        (ServiceSpecificCredentialReset(**git, secret_id="S5"), "service_specific_credential_reset",
         UserCredentialDeactivated(**git, credential="service-specific credential"), "inactive"),
        (UserCredentialActivated(**git, credential="service-specific credential"), "credential_activation",
         ServiceSpecificCredentialReset(**git, secret_id="S7"), "replaced"),
        (SigningCertificateUploaded(**cert, fingerprint="f", body_sha256="b", expires_at=NOW), "signing_certificate",
         UserCredentialDeleted(**cert, credential="signing certificate"), "deleted"),
        (ServerCertificateUploaded(**site, path="/", expires_at=NOW, fingerprint="f", body_sha256="b", secret_id="s"),
         "server_certificate", ServerCertificateUpdated(**site, **shop), "active"),
        (ServerCertificateUpdated(**site, **shop), "server_certificate_rename",
         ServerCertificateDeleted(**site), "deleted"),
        (SAMLProviderCreated(**okta, provider_uuid="u", metadata_sha256="m", issuer="i", valid_until=NOW),
         "saml_provider", CALLED, "active"),
        (SAMLPrivateKeyAdded(**okta, key_id="SAMLKone"), "saml_private_key",
         SAMLPrivateKeyRemoved(**okta, key_id="SAMLKone"), "removed"),
        (SAMLPrivateKeyRemoved(**okta, key_id="SAMLKone"), "saml_private_key_removed", CALLED, "active"),
    ]  # fmt: skip
    made = [(key.does(event), kind, admin(ledger).does(after), end) for event, kind, after, end in steps]
    project(ledger.account_id)
    for position, kind, after, end in made:
        for moment, state in ((position, "active" if kind != "policy_version" else None), (after, end)):
            found = trace_lineage(reader, ledger.account_id, key.access_key_id, AsOf(NOW, position=moment))
            (there,) = (at for at in found.nodes if at.position == position)
            assert there.kind == kind
            if state is not None:
                assert there.state == state, kind
    assert len(newest(reader, ledger, key.access_key_id).nodes) == 1 + len(steps)
