"""Accounts for the checks: one where everything is wrong, and one where nothing is."""

from datetime import timedelta

from domain.account import Account
from domain.families.access_keys import AccessKeyCreated
from domain.families.access_reviews import AccessReviewClosed, AccessReviewStarted, ReviewScope
from domain.families.account_contacts import AlternateContactSet, ContactInformationSet
from domain.families.analyzers import AnalyzerCreated, AnalyzerDeleted
from domain.families.credential_use import CredentialUsed
from domain.families.groups import UserAddedToGroup
from domain.families.mfa_devices import MFADeviceCreated, MFADeviceEnabled
from domain.families.oidc_providers import OIDCProviderCreated
from domain.families.organization import (
    FULL_AWS_ACCESS,
    Level,
    OrganizationMembership,
    OrganizationPoliciesApplied,
    OrganizationPolicy,
)
from domain.families.passwords import LoginProfileCreated, PasswordPolicyUpdated, RootLoginProfileCreated
from domain.families.policies import InlinePolicyPut, PolicyAttached, PolicyCreated
from domain.families.roles import RoleCreated
from domain.families.saml_providers import SAMLProviderCreated
from domain.families.server_certificates import ServerCertificateUploaded
from domain.families.tags import EntityTagged
from domain.foundation.events import Change
from domain.foundation.regions import DEFAULT_REGIONS
from tests.domain.accounts import (
    ACCOUNT,
    ADMINISTRATOR_ACCESS,
    ALLOW_ALL,
    AT,
    after,
    document,
    new_account,
    policy_arn,
    trusting,
    with_groups,
    with_users,
)
from tests.services.contacts import ALTERNATE, INFORMATION

SUPPORT_ACCESS = "arn:aws:iam::aws:policy/AWSSupportAccess"
OTHER_ACCOUNT, ORGANIZATION = "222222222222", "o-exampleorgid"
OIDC, SAML = f"arn:aws:iam::{ACCOUNT}:oidc-provider/tokens.example.com", f"arn:aws:iam::{ACCOUNT}:saml-provider/corp"
READ_ONE = document({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::one/*"})
SAID = "Reads what has to be read."
NOW = AT + timedelta(days=100)
EVERYTHING = ReviewScope()


def web_identity(**condition: object) -> str:
    trusted = {"Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity", "Principal": {"Federated": OIDC}}
    return document({**trusted, **condition})


def key(key_id: str, owner_id: str, name: str) -> Change:
    return AccessKeyCreated(access_key_id=key_id, user_id=owner_id, user_name=name)


def used(credential_id: str, kind: str = "access_key") -> Change:
    return CredentialUsed.model_validate(
        {"credential": kind, "credential_id": credential_id, "service": "iam", "region": "us-east-1"}
    )


def role(name: str, trust_policy: str) -> Change:
    return RoleCreated(
        role_id=f"AROA{name}",
        role_name=name,
        path="/",
        session_seconds_max=3_600,
        trust_policy=trust_policy,
        trusted={},
    )


def policy(name: str, text: str, description: str | None = None) -> Change:
    named = {"policy_id": f"ANPA{name}", "policy_arn": policy_arn(name), "policy_name": name}
    return PolicyCreated(**named, path="/", document=text, description=description)


def attached(noun: str, entity_id: str, arn: str) -> Change:
    return PolicyAttached(entity=noun, entity_id=entity_id, entity_name="-", policy_id="-", policy_arn=arn)


def inline(noun: str, entity_id: str, text: str) -> Change:
    return InlinePolicyPut(entity=noun, entity_id=entity_id, entity_name="-", policy_name="in", document=text)


def tagged(noun: str, entity_id: str) -> Change:
    return EntityTagged(entity=noun, entity_id=entity_id, entity_name="-", tags={"Team": "red"})


def mfa(owner_id: str) -> tuple[Change, ...]:
    arn = f"arn:aws:iam::{ACCOUNT}:mfa/{owner_id}"
    return (
        MFADeviceCreated(serial_number=arn, device_name=owner_id, path="/", seed_id=f"AIMF{owner_id}"),
        MFADeviceEnabled(serial_number=arn, user_id=owner_id, user_name="-", time_step=1, drift=0),
    )


def things(certificate_days: int, *client_ids: str) -> tuple[Change, ...]:
    return (
        OIDCProviderCreated(
            provider_arn=OIDC, provider_name="tokens.example.com", client_ids=client_ids, thumbprints=("0" * 40,)
        ),
        SAMLProviderCreated(
            provider_arn=SAML, provider_name="corp", provider_uuid="SAMLP1", metadata_sha256="0" * 64,
            issuer="corp", valid_until=AT + timedelta(days=900),
        ),
        ServerCertificateUploaded(
            server_certificate_id="ASCAweb", server_certificate_name="web", path="/", fingerprint="f", secret_id="s",
            expires_at=AT + timedelta(days=certificate_days), body_sha256="0" * 64,
        ),
    )  # fmt: skip


def member(managed_by: str, *policies: OrganizationPolicy) -> Change:
    levels = (Level("r-root", "root", (FULL_AWS_ACCESS.policy,), ()), Level(ACCOUNT, "here", policies, ()))
    return OrganizationPoliciesApplied(membership=OrganizationMembership(ORGANIZATION, managed_by, levels))


def analyzer_arn(region: str) -> str:
    return f"arn:aws:access-analyzer:{region}:{ACCOUNT}:analyzer/outside"


def analyzer(region: str, **tags: str) -> Change:
    return AnalyzerCreated(analyzer_arn=analyzer_arn(region), type="ACCOUNT", tags=tags)


def analyzer_deleted(region: str) -> Change:
    return AnalyzerDeleted(analyzer_arn=analyzer_arn(region))


def review(name: str, scope: ReviewScope = EVERYTHING) -> Change:
    """From the account's beginning."""
    return AccessReviewStarted(
        review_id=f"ARVW{name}", review_name=name, scope=scope, lines_position=1, lines_at=AT, line_count=3,
        lines_sha256="0" * 64,
    )  # fmt: skip


def closed(name: str, undecided: int = 0) -> Change:
    return AccessReviewClosed(review_id=f"ARVW{name}", review_name=name, kept=3, revoked=0, undecided=undecided)


def careless() -> Account:
    """Everything is wrong, as seen 100 days later."""
    return after(
        with_groups(with_users(new_account(), "ann"), "empty"),
        LoginProfileCreated(user_id="AIDAann", user_name="ann", password_id="AIPW1", reset_required=False),
        key("AKIAone", "AIDAann", "ann"),
        key("AKIAtwo", "AIDAann", "ann"),
        key("AKIAroot", ACCOUNT, ACCOUNT),
        attached("user", "AIDAann", ADMINISTRATOR_ACCESS),
        inline("user", "AIDAann", ALLOW_ALL),
        policy("all", ALLOW_ALL),
        role("open", trusting("*")),
        role("third", trusting(OTHER_ACCOUNT)),
        role("web", web_identity()),
        RootLoginProfileCreated(user_id=ACCOUNT, user_name=ACCOUNT),
        analyzer("eu-central-1"),
        *things(50, "app", "other"),
    )


def careful() -> Account:
    """Nothing is. Of everything that may be wrong there is one that is not."""
    account = after(
        with_groups(with_users(new_account(), "bea"), "team"),
        UserAddedToGroup(group_id="AGPAteam", group_name="team", user_id="AIDAbea", user_name="bea"),
        *mfa("AIDAbea"),
        policy("one", READ_ONE, SAID),
        attached("group", "AGPAteam", policy_arn("one")),
        role("own", trusting(f"arn:aws:iam::{ACCOUNT}:root")),
        role("third", trusting(OTHER_ACCOUNT, Condition={"StringEquals": {"sts:ExternalId": "7"}})),
        role("web", web_identity(Condition={"StringEquals": {"tokens.example.com:sub": "repo:one/two"}})),
        attached("role", "AROAown", SUPPORT_ACCESS),
        tagged("user", "AIDAbea"),
        *(tagged("role", f"AROA{name}") for name in ("own", "third", "web")),
        *things(900, "app"),
        tagged("OIDC provider", OIDC),
        tagged("SAML provider", SAML),
        tagged("server certificate", "ASCAweb"),
        member(OTHER_ACCOUNT, OrganizationPolicy("p-limits", "limits", document())),
        ContactInformationSet(contact=INFORMATION),
        AlternateContactSet(contact_type="SECURITY", contact=ALTERNATE),
        *(analyzer(region, Team="red") for region in DEFAULT_REGIONS["aws"]),
        review("all"),
    )
    policies = PasswordPolicyUpdated(
        minimum_password_length=14, require_symbols=True, require_numbers=True, require_uppercase_characters=True,
        require_lowercase_characters=True, allow_users_to_change_password=True, max_password_age=90,
        password_reuse_prevention=24, hard_expiry=False,
    )  # fmt: skip
    late = (
        LoginProfileCreated(user_id="AIDAbea", user_name="bea", password_id="AIPW1", reset_required=False),
        key("AKIAbea", "AIDAbea", "bea"),
        used("AKIAbea"),
        *(used(f"AROA{name}", "role") for name in ("own", "third", "web")),
        policies,
        closed("all"),
    )
    return after(account, *late, at=NOW - timedelta(days=10))


def manager(*features: Change) -> Account:
    return after(careful(), member(ACCOUNT), *features, at=NOW)
