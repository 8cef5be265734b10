"""Prowler's checks, each with what we have for it or why we have nothing, and the differences that there are to be."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from tests.acceptance.account import ADMINISTRATOR, AUDIT, PAST, SHELL, SUPPORT
from tests.acceptance.prowler import REGIONS

Moment = str
MOMENTS: Sequence[Moment] = (*PAST, "now")
ALL = "all of it"
"""In the place of a resource, where a check says one thing."""


@dataclass(frozen=True)
class Resource:
    """What both say something of."""

    arn: str
    is_attached: bool = False
    """Of a policy."""

    def is_a(self, *kinds: str) -> bool:
        return self.arn.split(":", 5)[5].partition("/")[0] in kinds

    @property
    def is_of_aws(self) -> bool:
        return ":iam::aws:" in self.arn


def _any(_resource: Resource) -> bool:
    return True


@dataclass(frozen=True)
class Counterpart:
    """What of ours answers what one of Prowler's checks asks."""

    tests: Sequence[Mapping[str, object]]
    """As a framework's file has them."""
    about: Callable[[Resource], bool] = _any
    """Of what ours look at, what Prowler's does."""
    says_one_thing: bool = False
    """All of it is compared as one: it fails where anything does."""


def _check(
    name: str, about: Callable[[Resource], bool] = _any, *, says_one_thing: bool = False, **parameters: object
) -> Counterpart:
    return Counterpart([{"check": name, "parameters": parameters}], about, says_one_thing)


def _password_policy(**asked: object) -> Counterpart:
    return Counterpart([{"check": "weak_password_policy", "parameters": asked}], says_one_thing=True)


def _administrator(kind: str) -> Counterpart:
    return _check("policy_attached", lambda holder: holder.is_a(kind), policy_arns=[ADMINISTRATOR])


def _in_use(policy_arn: str) -> Counterpart:
    return _check("policy_not_in_use", says_one_thing=True, policy_arn=policy_arn, by="IAM_ROLE")


CONTACTS = "account_maintain_different_contact_details_to_security_billing_and_operations"
COUNTERPARTS: Mapping[str, Counterpart] = {
    "accessanalyzer_enabled": _check("no_external_access_analyzer", says_one_thing=True, regions=REGIONS),
    CONTACTS: Counterpart(
        [
            {"check": "no_alternate_contact", "parameters": {"contact_type": contact_type}}
            for contact_type in ("SECURITY", "BILLING", "OPERATIONS")
        ],
        says_one_thing=True,
    ),
    "iam_avoid_root_usage": _check("root_used", days=1),
    "iam_aws_attached_policy_no_administrative_privileges": _check(
        "administrator_policy_attached", lambda policy: policy.is_of_aws
    ),
    "iam_customer_attached_policy_no_administrative_privileges": _check(
        "administrator_policy_attached", lambda policy: not policy.is_of_aws
    ),
    "iam_customer_unattached_policy_no_administrative_privileges": _check(
        "policy_allows_everything", lambda policy: not policy.is_attached
    ),
    "iam_group_administrator_access_policy": _administrator("group"),
    "iam_inline_policy_no_administrative_privileges": _check("inline_policy_allows_everything"),
    "iam_no_expired_server_certificates_stored": _check("server_certificate_expired"),
    "iam_no_root_access_key": _check("root_access_key"),
    "iam_password_policy_expires_passwords_within_90_days_or_less": _password_policy(days=90),
    "iam_password_policy_lowercase": _password_policy(lowercase=True),
    "iam_password_policy_minimum_length_14": _password_policy(length=14),
    "iam_password_policy_number": _password_policy(numbers=True),
    "iam_password_policy_reuse_24": _password_policy(remembered=24),
    "iam_password_policy_symbol": _password_policy(symbols=True),
    "iam_password_policy_uppercase": _password_policy(uppercase=True),
    "iam_policy_attached_only_to_group_or_roles": _check("user_with_policies"),
    "iam_policy_cloudshell_admin_not_attached": _check("policy_attached", says_one_thing=True, policy_arns=[SHELL]),
    "iam_role_administratoraccess_policy": _administrator("role"),
    "iam_root_credentials_management_enabled": _check("root_credentials_not_managed", says_one_thing=True),
    "iam_root_hardware_mfa_enabled": _check("root_without_hardware_mfa", says_one_thing=True),
    "iam_root_mfa_enabled": _check("root_without_mfa", says_one_thing=True),
    "iam_rotate_access_key_90_days": _check("access_key_age", days=90),
    "iam_securityaudit_role_created": _in_use(AUDIT),
    "iam_support_role_created": _in_use(SUPPORT),
    "iam_user_accesskey_unused": _check("access_key_unused", days=45),
    "iam_user_administrator_access_policy": _administrator("user"),
    "iam_user_mfa_enabled_console_access": _check("password_without_mfa"),
    "iam_user_no_setup_initial_access_key": _check("unused_key_beside_password"),
    "iam_user_two_active_access_key": _check("several_active_access_keys"),
    "organizations_account_part_of_organizations": _check("no_organization", says_one_thing=True),
}
"""By the id of Prowler's check."""


def framework() -> dict[str, object]:
    """Prowler's checks as a framework of an account's own. The ids of controls are at most 64 characters long."""
    controls = [{"id": check[:64], "title": check, "tests": ours.tests} for check, ours in COUNTERPARTS.items()]
    about = {"name": "prowler", "version": "1", "title": "Prowler's checks", "source": "https://hub.prowler.com"}
    return {**about, "controls": controls}


_ELSEWHERE = "what a policy allows is found by CheckAccessNotGranted and `muniment who-can`, of any action"
_OF_ORGANIZATIONS = "what policies of an organization say is the operator's, and no check looks at it"
_ASKS_A_PERSON = "Prowler has no verdict: it asks a person to look at the console"
WITHOUT_COUNTERPART: Mapping[str, str] = {
    "accessanalyzer_enabled_without_findings": "that nothing is found is no control of CIS's or AWS's",
    "account_maintain_current_contact_details": _ASKS_A_PERSON,
    "account_security_contact_information_is_registered": _ASKS_A_PERSON,
    "account_security_questions_are_registered_in_the_aws_account": _ASKS_A_PERSON,
    "iam_administrator_access_with_mfa": "MFA is asked for of whoever has a password, whatever their groups allow",
    "iam_check_saml_providers_sts": "that there is a SAML provider says nothing of who uses it",
    "iam_inline_policy_allows_privilege_escalation": _ELSEWHERE,
    "iam_inline_policy_no_full_access_to_cloudtrail": _ELSEWHERE,
    "iam_inline_policy_no_full_access_to_kms": "ours, of AWS Config and FSBP, asks who may decrypt with every key",
    "iam_inline_policy_no_wildcard_marketplace_subscribe": _ELSEWHERE,
    "iam_no_custom_policy_permissive_role_assumption": _ELSEWHERE,
    "iam_policy_allows_privilege_escalation": _ELSEWHERE,
    "iam_policy_no_agentcore_workload_access_token_wildcard": _ELSEWHERE,
    "iam_policy_no_full_access_to_cloudtrail": _ELSEWHERE,
    "iam_policy_no_full_access_to_kms": "ours, of AWS Config and FSBP, asks who may decrypt with every key",
    "iam_policy_no_wildcard_marketplace_subscribe": _ELSEWHERE,
    "iam_policy_passrole_to_bedrock_agentcore_restricted": _ELSEWHERE,
    "iam_role_access_not_stale_to_bedrock": "use of other services is not recorded here",
    "iam_role_cross_account_readonlyaccess_policy": "ours asks how another account gets in, whatever it may do then",
    "iam_role_cross_service_confused_deputy_prevention": "roles of services are theirs: none is assumed here",
    "iam_role_service_trust_restricts_source_to_account": "roles of services are theirs: none is assumed here",
    "iam_user_access_not_stale_to_bedrock": "use of other services is not recorded here",
    "iam_user_access_not_stale_to_sagemaker": "use of other services is not recorded here",
    "iam_user_console_access_unused": "nobody signs in with a password here: when one was last used is not known",
    "iam_user_hardware_mfa_enabled": "users may have virtual devices, and there are no others here",
    "iam_user_with_temporary_credentials": "ours ask how old keys are and whether they are used",
    "organizations_delegated_administrators": "an organization has none here",
    "organizations_opt_out_ai_services_policy": _OF_ORGANIZATIONS,
    "organizations_scp_check_deny_regions": _OF_ORGANIZATIONS,
    "organizations_tags_policies_enabled_and_attached": _OF_ORGANIZATIONS,
}
"""Why, by the id of Prowler's check."""


@dataclass(frozen=True)
class Difference:
    """Of verdicts, to be found at each of the moments: one that is not is out of date."""

    check: str
    resource: str
    """The last part of its ARN, or ALL."""
    moments: Collection[Moment]
    reason: str

    def is_of(self, check: str, resource: str, moment: Moment) -> bool:
        named = (self.check, self.resource) == (check, resource.rpartition(":")[2])
        return named and moment in self.moments


_ATTACHED = "iam_customer_attached_policy_no_administrative_privileges"
_CLOCK = "Prowler goes by its own clock, under /as-of/ too; ours is that of the moment"
_NOT_ACTION = (
    'CIS and AWS Config ask for a statement that allows "Action": "*"; Prowler takes "NotAction" for it too, of which '
    "policy_allows_whole_service tells"
)
_NEVER_USED = "a key that was never used is unused since it was made; Prowler counts those that were used once"
DIFFERENCES = (
    Difference(
        "accessanalyzer_enabled",
        ALL,
        ["yesterday"],
        "CIS asks for analyzers of external access; Prowler takes those of unused access, too",
    ),
    Difference(_ATTACHED, "policy/all-but-iam", MOMENTS, _NOT_ACTION),
    Difference(_ATTACHED, "policy/all-but-one", MOMENTS, _NOT_ACTION),
    Difference(
        _ATTACHED, "policy/listed", MOMENTS, '"*" in a list of actions is what it is alone; Prowler overlooks it'
    ),
    Difference(
        "iam_avoid_root_usage",
        "root",
        ["now"],
        "the key is deleted: no credential report has its use any more, but our ledger has",
    ),
    Difference("iam_no_expired_server_certificates_stored", "server-certificate/expiring", ["early"], _CLOCK),
    Difference(
        "iam_role_administratoraccess_policy", "role/jenkins", MOMENTS, "Prowler leaves out roles that services assume"
    ),
    Difference("iam_rotate_access_key_90_days", "user/ida", ["early"], _CLOCK),
    Difference("iam_user_accesskey_unused", "root", ["early"], "CIS asks of users: root is to have no key at all"),
    Difference("iam_user_accesskey_unused", "user/admin", ["early"], _CLOCK),
    Difference("iam_user_accesskey_unused", "user/ida", ["early"], _CLOCK),
    Difference("iam_user_accesskey_unused", "user/eve", MOMENTS, _NEVER_USED),
    Difference("iam_user_accesskey_unused", "user/kim", ["yesterday", "now"], _NEVER_USED),
)


@dataclass(frozen=True)
class Unseen:
    """A verdict that no account can bring about here."""

    check: str
    verdict: str
    reason: str


UNSEEN = (
    Unseen(
        "iam_root_hardware_mfa_enabled",
        "PASS",
        "devices are virtual here, and of a root without credentials Prowler says nothing",
    ),
)
