"""Counts what folding each kind of event takes in a small and in a large account, and prints it as JSON.

The maps have to be those of `immutables` in Python, whose every step the interpreter counts; that of C, which servers
use, does the same unseen. What C does in one step, such as copying a dictionary, shows in the bytes that it takes.
"""

import json
import sys
from collections.abc import Iterator
from datetime import timedelta
from functools import partial

from immutables import Map

from domain import ledger_state
from domain.account import Account, AccountChange
from domain.descent import DescentLink, made
from domain.families.lifecycle_profiles import LifecycleProfile
from domain.families.notifications import TargetDefinition
from domain.families.organization import Level, Organization, OrganizationMembership
from domain.foundation.events import Change, Entry
from domain.foundation.identifiers import INSTALLATION
from domain.ledger_state import LedgerState
from domain.registry import event_classes
from tests.domain import fold_analyzers, fold_frameworks
from tests.domain.accounts import ACCOUNT, ALLOW_ALL, AT, CAUSE, mfa_arn, oidc_arn, policy_arn, saml_arn, trusting
from tests.domain.fold_reviews import REVIEW_CASES, REVIEW_FIELDS, review_events
from tests.domain.taken import bytes_taken, steps
from tests.services.contacts import ALTERNATE, INFORMATION

SMALL, LARGE = 100, 2_500
"""So many there are of everything in an account."""


FIELDS: dict[str, object] = {
    **fold_analyzers.FIELDS,
    **fold_frameworks.FIELDS,
    "access_key_id": "AKIA0",
    "account_alias": "alias",
    "action": "deactivate",
    "actions": 1,
    "allow_users_to_change_password": True,
    "assertion_encryption": "Allowed",
    "contact_type": "SECURITY",
    "client_id": "app",
    "client_ids": ("app",),
    "compromised_since": AT,
    "created_at": AT,
    "credential": "access_key",
    "credential_id": "AKIA0",
    "begins_at": AT,
    "body_sha256": "body",
    "bucket": "trail",
    "chain_sha256": "chain",
    "expires_at": AT,
    "fingerprint": "fingerprint",
    "new_server_certificate_name": "new",
    "pem_sha256": "pem",
    "secret_id": "AISPnew",
    "server_certificate_id": "ASCA0",
    "server_certificate_name": "s0",
    "service_user_name": "u0-at-123456789012",
    "deactivated": (),
    "deletion_task_id": "task/aws-service-role/s0/r0/0",
    "definition": TargetDefinition("webhook", "https://example.com/hook"),
    "denied": (),
    "descendant_id": "AIDA0",
    "descent": made(Account(ACCOUNT), DescentLink("AIDA0", "ASIA0", AT)),
    "description": "some",
    "device_name": "device0",
    "digest": "digest",
    "document": ALLOW_ALL,
    "drift": 1,
    "due_at": AT,
    "entity": "user",
    "entity_id": "AIDA0",
    "entity_name": "u0",
    "entity_path": "o-1/r-1",
    "evidence": {"created_at": AT},
    "exemption_id": "X0",
    "for_account_id": "100000000000",
    "feature": "RootSessions",
    "forced": False,
    "group_id": "AGPA0",
    "group_name": "g0",
    "hard_expiry": False,
    "instance_profile_id": "AIPA0",
    "instance_profile_name": "i0",
    "is_default": True,
    "granularity": "SERVICE_LEVEL",
    "issuer": "https://idp.example.com",
    "job_id": "new",
    "key_id": "SAMLK0",
    "keys": ("key0",),
    "kind": "live",
    "kinds": (),
    "ledger_id": "l",
    "made_key": True,
    "max_password_age": 90,
    "membership": OrganizationMembership("o-1", ACCOUNT, (Level("r-1", "root", (), ()),)),
    "metadata_sha256": "0f",
    "minimum_password_length": 8,
    "new_access_key_id": "AKIA1",
    "new_group_name": "new",
    "new_path": "/",
    "new_user_name": "new",
    "observe_days": 7,
    "old_access_key_id": "AKIA0",
    "of_account_id": None,
    "opened_account_id": "999999999999",
    "origin": "example.com/log",
    "organization": Organization("o-1", ACCOUNT, (), ()),
    "organization_id": "o-1",
    "organizations_policy_id": "p-1",
    "owner_id": "AIDA0",
    "owner_name": "u0",
    "partition": "aws",
    "password_id": "AIPWnew",
    "password_reuse_prevention": 24,
    "path": "/",
    "policy_arn": policy_arn("p0"),
    "policy_arns": (),
    "policy_id": "ANPA0",
    "policy_name": "p0",
    "prefix": "logs",
    "profile": LifecycleProfile(name="team", version=1, rules={}),
    "profile_name": "team",
    "property_name": "Namespace/Name",
    "protects": "root",
    "provider_arn": saml_arn(0),
    "provider_name": "p0",
    "provider_uuid": "SAMLP0",
    "public_key": "AA==",
    "reached": "999999999999",
    "reason": "leaked",
    "region": "us-east-1",
    "reporter": "operator",
    "requester_id": "AIDA0",
    "require_lowercase_characters": True,
    "require_numbers": True,
    "require_symbols": True,
    "require_uppercase_characters": True,
    "reset_required": False,
    "restored": (),
    "retired_account_id": "100000000000",
    "revoked": (),
    "role_id": "AROA0",
    "role_name": "r0",
    "rotation_due_at": AT,
    "rule": {"profile": "default", "version": 1, "name": "any", "days": 90},
    "schema_version": 1,
    "seed": "AKIA0",
    "seed_id": "AIMF0",
    "seed_owner": "AIDA0",
    "serial_number": mfa_arn("device0"),
    "service": "iam",
    "services": 1,
    "service_access_key_id": "AKIA0",
    "signing_key_id": "SIGK0",
    "former_signing_key_id": None,
    "verifier_keys": ("k",),
    "service_name": "s0.example.com",
    "session_id": "SESN0",
    "session_seconds_max": 3_600,
    "source": "commit",
    "spared": (),
    "successor_id": "AKIA1",
    "tags": {"key0": "value"},
    "target_id": "NTGT0",
    "target_name": "t0",
    "thumbprints": (),
    "time_step": 1,
    "to": "file",
    "token_version": 2,
    "trust_policy": trusting(ACCOUNT),
    "trusted": {},
    "until": AT,
    "up_to": AT,
    "url": "https://example.com/file",
    "user_id": "AIDA0",
    "user_name": "u0",
    "valid_until": AT,
    "value": "true",
    "version": 2,
    "versions": (),
    **REVIEW_FIELDS,
}
"""What events say by the name of the field, where the table below says nothing else."""

SSH_PUBLIC_KEY: dict[str, object] = {"credential": "SSH public key", "credential_id": "APKA0"}
CASES: dict[str, dict[str, object]] = {
    **fold_analyzers.CASES,
    **fold_frameworks.CASES,
    "iam.user.created.v1": {"user_id": "AIDAnew", "user_name": "new"},
    "iam.group.created.v1": {"group_id": "AGPAnew", "group_name": "new"},
    "iam.role.created.v1": {"role_id": "AROAnew", "role_name": "new"},
    "iam.instance_profile.created.v1": {"instance_profile_id": "AIPAnew", "instance_profile_name": "new"},
    "iam.instance_profile.role_added.v1": {"role_id": "AROAaside"},
    "iam.policy.created.v1": {"policy_arn": policy_arn("new"), "policy_name": "new"},
    "iam.policy.version_created.v1": {"version": 1_000_000},
    "account.contact_information.set.v1": {"contact": INFORMATION},
    "account.alternate_contact.set.v1": {"contact": ALTERNATE},
    "account.lineage.contained.v1": {"seed": "AKIAnew"},
    "iam.access_key.created.v1": {"access_key_id": "AKIAnew"},
    "iam.ssh_public_key.uploaded.v1": {"credential_id": "APKAnew"},
    "iam.signing_certificate.uploaded.v1": {"credential_id": "CERTnew"},
    "iam.service_specific_credential.created.v1": {"credential_id": "ACCAnew", "service_user_name": "newcomer"},
    "iam.service_specific_credential.reset.v1": {"credential_id": "ACCA0"},
    "iam.user_credential.activated.v1": SSH_PUBLIC_KEY,
    "iam.user_credential.deactivated.v1": SSH_PUBLIC_KEY,
    "iam.user_credential.deleted.v1": SSH_PUBLIC_KEY,
    "iam.server_certificate.uploaded.v1": {"server_certificate_id": "ASCAnew", "server_certificate_name": "new"},
    "iam.oidc_provider.created.v1": {"provider_arn": oidc_arn("new")},
    "iam.oidc_provider.client_id_added.v1": {"provider_arn": oidc_arn(0)},
    "iam.oidc_provider.client_id_removed.v1": {"provider_arn": oidc_arn(0)},
    "iam.oidc_provider.thumbprints_replaced.v1": {"provider_arn": oidc_arn(0)},
    "iam.oidc_provider.deleted.v1": {"provider_arn": oidc_arn(0)},
    "iam.saml_provider.created.v1": {"provider_arn": saml_arn("new")},
    "iam.inline_policy.put.v1": {"policy_name": "new"},
    "iam.inline_policy.deleted.v1": {"policy_name": "inline0"},
    "iam.policy.attached.v1": {"policy_arn": policy_arn("aside")},
    "iam.group.user_added.v1": {"group_id": "AGPAaside"},
    "iam.permissions_boundary.put.v1": {"policy_arn": policy_arn("aside")},
    "iam.permissions_boundary.deleted.v1": {"policy_arn": policy_arn("p0")},
    "iam.credential.expired.v1": {"credential": "password", "credential_id": "AIDA0"},
    "iam.credential.deactivated_by_policy.v1": {"reason": "overdue"},
    "iam.credential.policy_action_withheld.v1": {"reason": "overdue"},
    "iam.login_profile.created.v1": {"user_id": "AIDAaside"},
    "iam.root_login_profile.created.v1": {"user_id": ACCOUNT},
    "iam.mfa_device.created.v1": {"serial_number": mfa_arn("new"), "device_name": "new"},
    "iam.mfa_device.enabled.v1": {"serial_number": mfa_arn("deviceaside")},
    "sts.session.revoked.v1": {"session_id": "SESNnew"},
    "notification_target.added.v1": {"target_id": "NTGTnew", "target_name": "new"},
    "cloudtrail.trail.begun.v1": {"trail_name": "new"},
    "cloudtrail.trail_key.created.v1": {"fingerprint": "new"},
    "notification_target.removed.v1": {"kind": "webhook"},
    "installation.notification_target.added.v1": {"target_id": "NTGTnew", "target_name": "new"},
    "installation.notification_target.removed.v1": {"kind": "webhook"},
    "installation.action_catalogue.published.v1": {"version": "2"},
    "installation.transparency_log.started.v1": {"signing_key_id": "SIGK1", "former_signing_key_id": "SIGK0"},
    "installation.alias.claimed.v1": {"account_alias": "new"},
    "installation.alias.released.v1": {"account_alias": "alias0"},
    "installation.service_principal.registered.v1": {"service_name": "new.example.com"},
    "installation.access_key_id.claimed.v1": {"access_key_id": "AKIAnew"},
    **REVIEW_CASES,
}

BEGINNINGS = frozenset({"account.created.v1", "installation.founded.v1"})
"""Of ledgers that have nothing yet."""


ONCE = (
    *("account.created.v1", "iam.account.password_policy.updated.v1", "iam.account_alias.created.v1"),
    *("account.contact_information.set.v1", "account.alternate_contact.set.v1"),
    *("account.organization_policies.applied.v1", "iam.organizations_feature.enabled.v1"),
)
"""What an account has one of."""


def event(topic: str, **fields: object) -> Change:
    """Raises KeyError for a field about which the tables above say nothing."""
    of = event_classes()[topic]
    assert issubclass(of, Change)
    said = CASES.get(topic, {}) | fields
    return of.model_validate({name: said[name] if name in said else FIELDS[name] for name in of.model_fields})


def account_history(n: int) -> Iterator[Change]:
    """An account with n of everything: u0 has n of all that a user can have, and all that can have many has it."""
    yield from map(event, ONCE)
    yield event("cloudtrail.trail_key.created.v1", fingerprint="first")
    for i in (*range(n), "aside"):
        user = {"user_id": f"AIDA{i}", "user_name": f"u{i}"}
        held = {"entity_id": f"AIDA{i}", "entity_name": f"u{i}"}
        yield event("iam.user.created.v1", **user)
        yield event("iam.group.created.v1", group_id=f"AGPA{i}", group_name=f"g{i}")
        yield event("iam.role.created.v1", role_id=f"AROA{i}", role_name=f"r{i}")
        yield event("iam.policy.created.v1", policy_id=f"ANPA{i}", policy_arn=policy_arn(f"p{i}"), policy_name=f"p{i}")
        yield event("iam.instance_profile.created.v1", instance_profile_id=f"AIPA{i}", instance_profile_name=f"i{i}")
        yield event("iam.oidc_provider.created.v1", provider_arn=oidc_arn(i))
        yield event("iam.saml_provider.created.v1", provider_arn=saml_arn(i))
        yield event("iam.account.property_set.v1", property_name=f"Namespace/Name{i}")
        yield event("iam.service_linked_role.deletion_finished.v1", role_name=f"linked{i}")
        yield event("sts.session.revoked.v1", session_id=f"SESN{i}")
        yield event("notification_target.added.v1", target_id=f"NTGT{i}", target_name=f"t{i}")
        yield event("cloudtrail.trail.begun.v1", trail_name=f"trail{i}")
        yield from fold_analyzers.analyzer_history(event, i)
        yield from fold_frameworks.framework_history(event, i)
        yield event("iam.mfa_device.created.v1", serial_number=mfa_arn(f"device{i}"), device_name=f"device{i}")
        if i == "aside":
            return
        yield event("iam.mfa_device.enabled.v1", serial_number=mfa_arn(f"device{i}"))
        yield event("iam.policy.version_created.v1", version=i + 2, is_default=False)
        yield event("iam.access_key.created.v1", access_key_id=f"AKIA{i}")
        yield event("iam.ssh_public_key.uploaded.v1", credential_id=f"APKA{i}")
        yield event("iam.service_specific_credential.created.v1", credential_id=f"ACCA{i}", service_user_name=f"u{i}")
        yield event(
            "iam.server_certificate.uploaded.v1", server_certificate_id=f"ASCA{i}", server_certificate_name=f"s{i}"
        )
        yield event("iam.credential.used.v1", credential_id=f"AKIA{i}")
        yield event("iam.credential.reported_leaked.v1", credential_id=f"AKIA{i}")
        yield event("iam.key_rotation.started.v1", **user)
        for owner_id in (f"AIDA{i}", "AIDA0"):
            yield event("account.exemption.granted.v1", exemption_id=f"X{i}", owner_id=owner_id)
        yield event("account.lifecycle_profile.set.v1", profile=LifecycleProfile(name=f"team{i}", version=1, rules={}))
        yield event("account.lineage.contained.v1", seed=f"AKIA{i}")
        for report in ("iam.service_last_accessed", "iam.organizations_access"):
            yield event(f"{report}.requested.v1", job_id=f"job{i}")
        yield event("account.reached.v1", reached=str(100_000_000_000 + i))
        yield from (event(topic, **fields) for topic, fields in review_events(i))
        yield event("iam.login_profile.created.v1", password_id=f"AIPW{i}", **user)
        yield event("iam.inline_policy.put.v1", policy_name=f"inline{i}")
        yield event("iam.entity.tagged.v1", tags={f"key{i}": "value"})
        yield event("iam.policy.attached.v1", policy_arn=policy_arn("p0"), **held)
        yield event("iam.permissions_boundary.put.v1", policy_arn=policy_arn("p0"), **held)
        yield event("iam.group.user_added.v1", group_id="AGPA0", **user)
        yield event("iam.instance_profile.role_added.v1", role_id=f"AROA{i}")
        if i:
            yield event("iam.policy.attached.v1", policy_arn=policy_arn(f"p{i}"))
            yield event("iam.group.user_added.v1", group_id=f"AGPA{i}")
            yield event("iam.credential.rotation_due.v1", credential_id=f"AKIA{i}")
            yield event("iam.credential.deactivated_by_policy.v1", credential_id=f"AKIA{i}")


def installation_history(n: int) -> Iterator[Change]:
    yield event("installation.founded.v1")
    yield event("installation.organization.set.v1")
    yield event("installation.transparency_log.started.v1", signing_key_id="SIGK0", former_signing_key_id=None)
    for i in range(n):
        account_id = str(100_000_000_000 + i)
        yield event("installation.account.opened.v1", opened_account_id=account_id)
        yield event("installation.notification_target.added.v1", target_id=f"NTGT{i}", target_name=f"t{i}")
        yield event("installation.alias.claimed.v1", account_alias=f"alias{i}", for_account_id=account_id)
        yield event("installation.access_key_id.claimed.v1", access_key_id=f"AKIA{i}", for_account_id=account_id)
        yield event("installation.managed_catalogue.published.v1", digest=f"digest{i}")
        yield event("installation.action_catalogue.published.v1", digest=f"digest{i}")
        yield event("installation.service_principal.registered.v1", service_name=f"s{i}.example.com")


def evolve(value: LedgerState, change: Change) -> LedgerState:
    entry = Entry(value.id, value.position + 1, "e", AT + timedelta(seconds=1), CAUSE, change)
    return ledger_state.evolve(value, entry)


def folded(account_id: str, history: Iterator[Change]) -> LedgerState:
    value = ledger_state.empty(account_id)
    for change in history:
        value = evolve(value, change)
    return value


def told_work(value: LedgerState, change: Change) -> int:
    """Steps of saying whom and what the change concerns, for each that it names."""
    if not isinstance(change, AccountChange):
        return 0
    after = evolve(value, change)
    assert isinstance(value, Account)
    assert isinstance(after, Account)
    named = {*change.changed_subjects(ACCOUNT), *(change.affected_principals(value, after) or ())}

    def tell() -> None:
        change.affected_principals(value, after)
        tuple(change.changed_subjects(ACCOUNT))

    return steps(tell) // max(1, len(named))


def measured() -> dict[str, dict[str, list[int]]]:
    """By topic: steps, bytes, and steps of telling a name, in the small account and in the large one."""
    accounts = [folded(ACCOUNT, account_history(n)) for n in (SMALL, LARGE)]
    installations = [folded(INSTALLATION, installation_history(n)) for n in (SMALL, LARGE)]
    found = {}
    for topic, of in event_classes().items():
        if issubclass(of, Change):
            ledgers = accounts if issubclass(of, AccountChange) else installations
            values = [ledger_state.empty(each.id) for each in ledgers] if topic in BEGINNINGS else ledgers
            change = event(topic)
            found[topic] = {
                "steps": [steps(partial(evolve, value, change)) for value in values],
                "bytes": [bytes_taken(partial(evolve, value, change)) for value in values],
                "told": [told_work(value, change) for value in values],
            }
    return found


if __name__ == "__main__":
    assert Map.__module__ == "immutables.map", "This Map's steps cannot be counted."
    sys.stdout.write(json.dumps(measured()))
