"""The checks: what each finds of an account where everything is wrong, and of one where nothing is; and that none is
altered without saying whether it finds something else."""

import ast
import hashlib
import inspect
import json
import re
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from domain.account import Account
from domain.compliance.check import CheckCriterion, ComplianceCheck, checks, holders
from domain.compliance.frameworks import load_checks
from domain.compliance.statements import (
    allows_on_all_kms_keys,
    trusts_any_subject,
    trusts_everybody,
    trusts_other_account,
    trusts_somebody,
)
from domain.families.access_reviews import ReviewScope
from domain.families.organizations_features import OrganizationsFeatureEnabled
from domain.foundation.regions import DEFAULT_REGIONS
from tests.domain.accounts import ACCOUNT, ADMINISTRATOR_ACCESS, AT, after, document, policy_arn, trusting
from tests.domain.compliance.accounts import (
    EVERYTHING,
    NOW,
    OIDC,
    ORGANIZATION,
    OTHER_ACCOUNT,
    SAML,
    SUPPORT_ACCESS,
    analyzer_arn,
    analyzer_deleted,
    attached,
    careful,
    careless,
    closed,
    key,
    manager,
    member,
    mfa,
    review,
    used,
    web_identity,
)

load_checks()
ANN, KEYS, ALL = {"AIDAann"}, {"AKIAone", "AKIAtwo"}, policy_arn("all")
ROLES = {"AROAopen", "AROAthird", "AROAweb"}
STRONG = {
    "length": 14, "uppercase": True, "lowercase": True, "letters": True, "symbols": True, "numbers": True,
    "remembered": 24, "days": 90,
}  # fmt: skip
CASES: Mapping[str, tuple[Mapping[str, object], set[str]]] = {
    "access_key_age": ({}, {*KEYS, "AKIAroot"}),
    "access_key_unused": ({}, KEYS),
    "access_not_reviewed": ({"days": 90}, {ACCOUNT}),
    "administrator_policy_attached": ({}, {ADMINISTRATOR_ACCESS}),
    "analyzer_untagged": ({}, {analyzer_arn("eu-central-1")}),
    "group_without_users": ({}, {"AGPAempty"}),
    "inline_policy": ({}, ANN),
    "inline_policy_allows_everything": ({}, ANN),
    "inline_policy_allows_on_all_kms_keys": ({}, ANN),
    "no_alternate_contact": ({}, {ACCOUNT}),
    "no_contact_information": ({}, {ACCOUNT}),
    "no_external_access_analyzer": ({}, {ACCOUNT}),
    "no_guardrails": ({}, set()),
    "no_organization": ({}, {ACCOUNT}),
    "oidc_provider_accepts_others": ({"client_ids": ["app"]}, {OIDC}),
    "oidc_provider_untagged": ({"keys": ["Team"]}, {OIDC}),
    "password_age": ({}, ANN),
    "password_without_mfa": ({}, ANN),
    "policy_allows_everything": ({}, {ALL}),
    "policy_allows_on_all_kms_keys": ({}, {ALL}),
    "policy_allows_whole_service": ({}, {ALL}),
    "policy_attached": ({}, ANN),
    "policy_not_in_use": ({"by": "IAM_ROLE"}, {ACCOUNT}),
    "policy_without_description": ({}, {ALL}),
    "role_trusts_any_subject": ({}, {"AROAweb"}),
    "role_trusts_everybody": ({}, {"AROAopen"}),
    "role_trusts_other_account": ({}, {"AROAopen", "AROAthird"}),
    "role_untagged": ({}, ROLES),
    "role_unused": ({}, ROLES),
    "role_without_policies": ({}, set()),
    "root_access_key": ({}, {"AKIAroot"}),
    "root_credentials_not_managed": ({}, set()),
    "root_used": ({}, set()),
    "root_without_hardware_mfa": ({}, {ACCOUNT}),
    "root_without_mfa": ({}, {ACCOUNT}),
    "saml_provider_untagged": ({}, {SAML}),
    "server_certificate_expired": ({}, {"ASCAweb"}),
    "server_certificate_untagged": ({}, {"ASCAweb"}),
    "several_active_access_keys": ({}, ANN),
    "unused_key_beside_password": ({}, KEYS),
    "user_in_no_group": ({"groups": ["team"]}, ANN),
    "user_unused": ({}, ANN),
    "user_untagged": ({}, ANN),
    "user_with_policies": ({}, ANN),
    "user_without_mfa": ({}, ANN),
    "weak_password_policy": (STRONG, {ACCOUNT}),
}
"""What each finds of the careless account; of the careful one nothing."""


def with_support(noun: str, holder_id: str) -> Account:
    return after(careless(), attached(noun, holder_id, SUPPORT_ACCESS))


OTHER_CASES: tuple[tuple[Callable[[], Account], str, Mapping[str, object], set[str]], ...] = (
    (lambda: after(careless(), used("AKIAroot"), at=NOW), "root_used", {}, {ACCOUNT}),
    (lambda: after(careless(), used("AKIAroot")), "root_used", {}, set()),
    (lambda: after(careless(), *mfa(ACCOUNT)), "root_without_mfa", {}, set()),
    (lambda: after(careless(), *mfa(ACCOUNT)), "root_without_hardware_mfa", {}, {ACCOUNT}),
    (lambda: after(careful(), key("AKIAroot", ACCOUNT, ACCOUNT), at=NOW), "root_without_mfa", {}, set()),
    (lambda: after(careless(), *mfa("AIDAann")), "password_age", {"without_mfa": True}, set()),
    (lambda: after(careless(), member(OTHER_ACCOUNT)), "no_guardrails", {}, {ACCOUNT}),
    (careful, "no_organization", {"management_account_id": ACCOUNT}, {ACCOUNT}),
    (manager, "no_guardrails", {}, set()),
    (manager, "root_credentials_not_managed", {}, {ACCOUNT}),
    (
        lambda: manager(OrganizationsFeatureEnabled(organization_id=ORGANIZATION, feature="RootCredentialsManagement")),
        "root_credentials_not_managed",
        {},
        set(),
    ),
    (careful, "role_without_policies", {"policy_arns": [SUPPORT_ACCESS]}, {"AROAthird", "AROAweb"}),
    (careless, "policy_attached", {"exceptions": ["groups:[ann]", "users:[bob;ann]"]}, set()),
    (lambda: replace(careless(), partition="aws-cn"), "policy_attached", {}, set()),
    (careful, "user_untagged", {"keys": ["team"]}, {"AIDAbea"}),
    (careful, "user_in_no_group", {"groups": ["Team"]}, {"AIDAbea"}),
    (careful, "weak_password_policy", {"days": 89}, {ACCOUNT}),
    (careful, "server_certificate_expired", {"days": 800}, {"ASCAweb"}),
    (careful, "no_alternate_contact", {"contact_type": "BILLING"}, {ACCOUNT}),
    (careful, "analyzer_untagged", {"keys": ["team"]}, {analyzer_arn(region) for region in DEFAULT_REGIONS["aws"]}),
    (careless, "no_external_access_analyzer", {"regions": ["eu-central-1"]}, set()),
    (lambda: after(careful(), analyzer_deleted("eu-west-1")), "no_external_access_analyzer", {}, {ACCOUNT}),
    (lambda: with_support("group", "AGPAempty"), "policy_not_in_use", {}, {ACCOUNT}),
    (lambda: with_support("user", "AIDAann"), "policy_not_in_use", {}, set()),
    (lambda: with_support("role", "AROAopen"), "policy_not_in_use", {"by": "IAM_ROLE"}, set()),
)


def violating(account: Account, name: str, parameters: Mapping[str, object]) -> set[str]:
    criterion = CheckCriterion.of(name, parameters)
    ids = {holder_id for noun in criterion.check.of for holder_id in holders(account, noun)}
    found = [each for holder_id in ids for each in criterion.findings(account, holder_id)]
    return {each.subject_id for each in found if each.is_violated(NOW)}


def test_every_check_has_a_case_and_says_what_it_is_about() -> None:
    assert sorted(CASES) == [each.name for each in checks()]
    assert not [each.name for each in checks() if not all((each.title, each.rationale, each.remediation))]
    assert {name for name, (_, found) in CASES.items() if not found} <= {
        name for _, name, _, found in OTHER_CASES if found
    }


@pytest.mark.parametrize("name", CASES)
def test_a_check_finds_what_is_wrong_and_nothing_else(name: str) -> None:
    """Of an account where everything is wrong, and of one where nothing is."""
    parameters, expected = CASES[name]
    assert violating(careless(), name, parameters) == expected
    assert violating(careful(), name, parameters) == set()


def test_checks_in_other_cases() -> None:
    """Parameters, and what takes another account."""
    assert [violating(account(), name, given) for account, name, given, _ in OTHER_CASES] == [
        expected for *_, expected in OTHER_CASES
    ]


@pytest.mark.parametrize(
    ("scope", "undecided", "principals", "days", "counts"),
    [
        (EVERYTHING, 0, "all", 184, True),
        (EVERYTHING, 0, "administrators", 184, True),
        (ReviewScope(principals="users"), 0, "users", 184, True),
        (ReviewScope(principals="users"), 0, "all", 184, False),
        (ReviewScope(path_prefix="/team/"), 0, "all", 184, False),
        (ReviewScope(unused_days=90), 0, "all", 184, False),
        (EVERYTHING, 1, "all", 184, False),
        (EVERYTHING, 0, "all", 90, True),
        (EVERYTHING, 0, "all", 89, False),
    ],
)
def test_reviews_that_count(scope: ReviewScope, undecided: int, principals: str, days: int, *, counts: bool) -> None:
    """Those of all that is asked about, with nothing undecided, that took no longer than there may be between two. From
    the end of the last one there is so much time to the next one's, and as much from the account's beginning."""
    criterion = CheckCriterion.of("access_not_reviewed", {"days": days, "principals": principals})
    started = after(careless(), review("q1", scope))
    ended_at = AT + timedelta(days=90)
    (found,) = criterion.findings(after(started, closed("q1", undecided), at=ended_at), ACCOUNT)
    assert found.since == (ended_at if counts else AT) + timedelta(days=days)
    later = after(started, closed("q1", undecided), review("q2"), at=ended_at)
    assert list(criterion.findings(later, ACCOUNT)) == [found]


def allowing(**elements: object) -> str:
    return document({"Effect": "Allow", **elements})


def test_all_kms_keys() -> None:
    """By patterns of actions and of keys, by what is left out, and of another service."""
    decrypting = partial(allows_on_all_kms_keys, actions=("kms:Decrypt",))
    every = "arn:aws:kms:*:*:key/*"
    assert decrypting(allowing(Action="kms:De*", Resource=every))
    assert decrypting(allowing(Action="KMS:decrypt", Resource=["arn:aws:kms:eu-west-1:1:key/1", "arn:aws:kms:*"]))
    assert decrypting(allowing(NotAction="iam:*", NotResource="arn:aws:kms:eu-west-1:1:key/1"))
    assert not decrypting(allowing(Action="kms:Encrypt", Resource="*"))
    assert not decrypting(allowing(Action="*", Resource="arn:aws:kms:eu-west-1:1:key/1"))
    assert not decrypting(allowing(Action="*", Resource="arn:aws:s3:::*"))
    assert not decrypting(allowing(NotAction="kms:*", Resource="*"))


def test_conditions_that_limit_whom_a_role_trusts() -> None:
    """A negation, an operator that what is absent passes, and a value that is any value limit nobody."""
    limited = {"StringEquals": {"aws:PrincipalOrgID": "o-one"}}
    no_limits: tuple[object, ...] = (
        {"StringNotEquals": {"aws:PrincipalOrgID": "o-one"}},
        {"StringEqualsIfExists": {"aws:PrincipalOrgID": "o-one"}},
        {"ForAllValues:StringLike": {"aws:PrincipalOrgPaths": "o-one/*"}},
        {"StringLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/admin"}},
        {"StringLike": {"aws:PrincipalOrgID": "o-*"}},
        {"StringEquals": {"sts:ExternalId": "7"}},
        {"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}},
    )
    assert not trusts_everybody(trusting("*", Condition=limited))
    assert not trusts_everybody(trusting("*", Condition={"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}))
    assert all(trusts_everybody(trusting("*", Condition=each)) for each in no_limits)
    other = partial(trusting, f"arn:aws:iam::{OTHER_ACCOUNT}:user/eve")
    assert trusts_other_account(other(Condition={"Bool": {"aws:MultiFactorAuthPresent": "false"}}), ACCOUNT)
    assert not trusts_other_account(other(Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}}), ACCOUNT)
    assert not trusts_other_account(other(), OTHER_ACCOUNT)
    assert trusts_other_account(trusting("*"), ACCOUNT)
    assert not trusts_other_account(other(Condition={"NumericLessThan": {"aws:MultiFactorAuthAge": "3600"}}), ACCOUNT)
    assert trusts_other_account(other(Condition={"StringLike": {"sts:ExternalId": "*"}}), ACCOUNT)


@pytest.mark.parametrize(
    ("subject", "fixed"),
    [
        ("repo:octo/app:ref:refs/heads/main", True),
        ("repo:octo/*", True),
        ("organization:octo:project:*:workspace:*", True),
        ("system:serviceaccount:shop:*", True),
        ("system:serviceaccount:*:app", False),
        ("repo:octo*", False),
        ("*", False),
    ],
)
def test_subjects_that_an_identity_provider_vouches_for(subject: str, *, fixed: bool) -> None:
    """Whose they are has to be said before any wildcard."""
    condition = {"StringLike": {"tokens.example.com:sub": subject}}
    assert trusts_any_subject(web_identity(Condition=condition)) is not fixed


def test_a_role_that_trusts_nobody() -> None:
    """Whose policy only denies."""
    assert trusts_somebody(trusting(ACCOUNT))
    assert not trusts_somebody(trusting(ACCOUNT, Effect="Deny"))


def source(check: ComplianceCheck) -> str:
    """SHA-256 of what the check does: of its function, and of what that calls of this package; without what is said
    about it."""
    said = json.dumps([check.of, sorted(component.name for component in check.reads), sorted(pieces(check.test))])
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def pieces(function: object) -> Iterator[str]:
    function = inspect.unwrap(function)  # type: ignore[arg-type]
    assert inspect.isfunction(function)
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(function))).body
    assert isinstance(tree, ast.FunctionDef)
    tree.decorator_list = []
    if ast.get_docstring(tree) is not None:
        del tree.body[0]
    yield ast.unparse(tree)
    for name in {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}:
        used_there = function.__globals__.get(name)
        if isinstance(used_there, str | tuple | frozenset | set):
            yield f"{name} {sorted(used_there)}"
        elif isinstance(used_there, dict | re.Pattern):
            yield f"{name} {used_there}"
        elif getattr(used_there, "__module__", "").startswith(
            ("domain.compliance.checks", "domain.compliance.statements", "domain.policy.fixed_values")
        ):
            yield from pieces(used_there)


PINNED = {
    "access_key_age": (1, "a01ae6a7fbf5307b"),
    "access_key_unused": (1, "ff25fa7a6c8a42b4"),
    "access_not_reviewed": (1, "f494ab3fab69c527"),
    "administrator_policy_attached": (1, "38992c4871177238"),
    "analyzer_untagged": (1, "c730c8a82f3e615d"),
    "group_without_users": (1, "fa31e41743091d06"),
    "inline_policy": (1, "a7b25156f17c7bf9"),
    "inline_policy_allows_everything": (1, "ef1af42f1e792d46"),
    "inline_policy_allows_on_all_kms_keys": (1, "dbe4f9481ba61e8a"),
    "no_alternate_contact": (1, "66d96ad55082652a"),
    "no_contact_information": (1, "f6a595cc9e3fffee"),
    "no_external_access_analyzer": (1, "3d8a37363c443bbd"),
    "no_guardrails": (1, "5cac7c54793249f5"),
    "no_organization": (1, "3a95e2e603331a4d"),
    "oidc_provider_accepts_others": (1, "973bbb30322f994f"),
    "oidc_provider_untagged": (1, "666ea5f39a5ae9e1"),
    "password_age": (1, "f45486a1d2d7c990"),
    "password_without_mfa": (1, "058eb78478182705"),
    "policy_allows_everything": (1, "a21f0daf7d133a35"),
    "policy_allows_on_all_kms_keys": (1, "107a01a06ae4b5ea"),
    "policy_allows_whole_service": (1, "397a7d07bdf29d45"),
    "policy_attached": (1, "d6a87dc00dcc0a51"),
    "policy_not_in_use": (2, "fd857423ce0e81e3"),
    "policy_without_description": (1, "6a35a96fabd02bca"),
    "role_trusts_any_subject": (2, "2b9609882907d37a"),
    "role_trusts_everybody": (2, "5021b7971846af9e"),
    "role_trusts_other_account": (3, "d1f9a5ffb730c270"),
    "role_untagged": (1, "097350b95a5f2b17"),
    "role_unused": (1, "038c46ede74ab743"),
    "role_without_policies": (1, "bfcdd94a65580a2c"),
    "root_access_key": (1, "6a8a8beb82520eac"),
    "root_credentials_not_managed": (1, "381f7670366d12ae"),
    "root_used": (1, "c9a7e0701c5fe820"),
    "root_without_hardware_mfa": (2, "f4047f59aa466638"),
    "root_without_mfa": (2, "8c8e3ea02c7bd963"),
    "saml_provider_untagged": (1, "e036c24f05302157"),
    "server_certificate_expired": (1, "7c3c578049509b2c"),
    "server_certificate_untagged": (1, "3e8b621d65d90088"),
    "several_active_access_keys": (1, "7a7b73e1bc6ca72d"),
    "unused_key_beside_password": (1, "9e727efa64d542a5"),
    "user_in_no_group": (1, "e49ef8aaf0ee7b8b"),
    "user_untagged": (1, "35c18052b92160ab"),
    "user_unused": (1, "d478ea320f364adb"),
    "user_with_policies": (1, "a1a01a1727f02b1e"),
    "user_without_mfa": (1, "97805bb3330ab467"),
    "weak_password_policy": (1, "fef0bc04a58a6f4e"),
}


def test_a_check_is_altered_on_purpose() -> None:
    """Whoever alters what a check does says whether it finds something else, by raising its version, or not. Then its
    line here is another one."""
    now = {each.name: (each.version, source(each)) for each in checks()}
    assert now == PINNED, "\n".join(f'    "{name}": {pin},' for name, pin in now.items() if PINNED.get(name) != pin)
