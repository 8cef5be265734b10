"""The policy for what was used."""

import json
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.policy import FindingType, Policy, PolicyType, lint, parse, policy_size
from domain.queries.least_privilege import RESOURCES_LISTED_MAX, UsedPermission, least_privilege
from domain.read_models.least_privilege import CoveringPolicy
from services.api.action_catalogue import CATALOGUE
from tests.domain.accounts import ACCOUNT
from tests.services.endpoint import ALL

MANAGED = 6_144


def arn(resource: str, account_id: str = ACCOUNT) -> str:
    return f"arn:aws:iam::{account_id}:{resource}"


def made(*used: UsedPermission) -> CoveringPolicy:
    found = least_privilege(used, CATALOGUE)
    assert found is not None
    return found


def statements(found: CoveringPolicy) -> list[tuple[object, object]]:
    return [(each["Action"], each["Resource"]) for each in json.loads(found.document)["Statement"]]


def allows(policy: Policy, action: str, resource: str) -> bool:
    return any(statement.fits is None or statement.fits(resource, {}) for statement in policy.about[action.lower()])


def test_actions_stand_together_by_resource() -> None:
    """Those with the same resources in one statement, whatever the order and however often they were used; one is no
    list."""
    ann, bob = arn("user/ann"), arn("user/bob")
    used = [
        UsedPermission("iam:GetUser", bob),
        UsedPermission("iam:GetUser", ann),
        UsedPermission("iam:DeleteUser", ann),
        UsedPermission("iam:DeleteUser", bob),
    ]
    expected = [(["iam:DeleteUser", "iam:GetUser"], [ann, bob]), ("iam:ListRoles", arn("role/"))]
    for order in (used, used[::-1], used * 2):
        assert statements(made(*order, UsedPermission("iam:ListRoles", arn("role/")))) == expected


def test_nothing_used_takes_no_policy() -> None:
    assert least_privilege([], CATALOGUE) is None


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["a/x/{}", "a/y/{}"], "user/a/*"),
        (["a/{}"], "user/a/*"),
        (["{}"], "user/*"),
        (["b/{}", "a/b/{}"], "user/*"),
        (["a*/{}"], "user/a${*}/*"),
    ],
)
def test_many_become_the_path_that_they_share(names: Sequence[str], expected: str) -> None:
    """More than the number that is listed: one pattern for the type, and it is said what was generalised. A wildcard
    that somebody has put into a path stays a character."""
    few = [arn(f"user/{names[0].format(number)}") for number in range(RESOURCES_LISTED_MAX)]
    found = made(*(UsedPermission("iam:GetUser", each) for each in few))
    assert found.generalised == ()
    many = [arn(f"user/{name.format(number)}") for name in names for number in range(RESOURCES_LISTED_MAX + 1)]
    found = made(UsedPermission("iam:GetUser", arn("role/r")), *(UsedPermission("iam:GetUser", each) for each in many))
    assert statements(found) == [("iam:GetUser", [arn("role/r"), arn(expected)])]
    (said,) = found.generalised
    assert (said.action, said.pattern, said.resources) == ("iam:GetUser", arn(expected), len(many))


def test_names_are_no_patterns() -> None:
    """What would be a wildcard or a variable is written as the character that it is."""
    resource = arn("user/a*/b?/${aws:username}/ann")
    policy = parse(made(UsedPermission("iam:GetUser", resource)).document, PolicyType.IDENTITY)
    assert allows(policy, "iam:GetUser", resource)
    for other in ("user/ab/bb/ann/ann", "user/a*/b?/eve/ann", "user/ax/b?/${aws:username}/ann"):
        assert not allows(policy, "iam:GetUser", arn(other))


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        (arn("role/a/€"), arn("role/a/*")),
        (arn("role/€/b"), arn("role/*")),
        ("no ARN, but long enough for one", "*"),
        ("arn:aws:iam::12*4:policy/x", "*"),
        ("arn:aws:iam:nowhere::policy/x", "*"),
    ],
)
def test_what_a_policy_cannot_name(resource: str, expected: str) -> None:
    """Clients may send anything as an ARN, and be allowed. The narrowest pattern that covers it is said to be one."""
    found = made(UsedPermission("iam:GetPolicy", resource), UsedPermission("iam:GetPolicy", arn("policy/p")))
    assert found.generalised[0].pattern == expected
    assert errors(found) == []
    assert allows(parse(found.document, PolicyType.IDENTITY), "iam:GetPolicy", resource)


def errors(found: CoveringPolicy) -> list[str]:
    return [
        finding.message
        for finding in lint(found.document, PolicyType.IDENTITY, CATALOGUE)
        if finding.type is FindingType.ERROR
    ]


def test_it_shows_no_control_character() -> None:
    """The document goes to terminals as it is."""
    found = made(UsedPermission("iam:GetPolicy", arn("policy/\x9b2J\x7f")))
    assert found.document.isascii()
    assert all(character.isprintable() or character == "\n" for character in found.document)
    assert found.generalised == ()


KINDS = ("user", "group", "role", "policy")
RESOURCES = st.builds(
    lambda kind, path, name: arn(f"{kind}/{path}{name}"),
    st.sampled_from(KINDS),
    st.sampled_from(["", "a/", "a/b/", "ç/", "$/", "**/"]),
    st.text("abc*?${}:é中", min_size=1, max_size=4),
)
USED = st.builds(
    UsedPermission,
    st.sampled_from(["iam:GetUser", "iam:GetRole", "sts:AssumeRole", "iam:ListUsers"]),
    st.one_of(RESOURCES, st.just("*"), st.just(arn("user/")), st.text("arn:*/", max_size=20)),
)


@settings(deadline=None, max_examples=60)
@given(st.lists(USED, min_size=1, max_size=60))
def test_it_covers_what_was_used_and_no_other_kind(used: list[UsedPermission]) -> None:
    """Every action on every resource, in a document that parses and that the linter finds no error in. An action that
    was used on named resources only is allowed on no other type and in no other account."""
    found = made(*used)
    policy = parse(found.document, PolicyType.IDENTITY)
    assert errors(found) == []
    assert all(allows(policy, action, resource) for action, resource in used)
    assert found.characters == policy_size(found.document)
    for action in {action for action, _ in used}:
        resources = {resource for other, resource in used if other == action}
        assert not allows(policy, "iam:DeleteUser", min(resources))
        if all(resource.startswith(arn("")) for resource in resources):
            for kind in KINDS:
                mine = any(resource.startswith(arn(f"{kind}/")) for resource in resources)
                assert mine or not allows(policy, action, arn(f"{kind}/x"))
                assert not allows(policy, action, arn(f"{kind}/x", "210987654321"))


def spread(actions: Iterable[str], each: int) -> list[UsedPermission]:
    """Each action on so many resources of two types, all in paths of their own."""
    return [
        UsedPermission(action, arn(f"{kind}/department-{number}/team/member"))
        for turn, action in enumerate(actions)
        for number in range(each)
        for kind in {KINDS[turn % 4], KINDS[turn // 4 % 4]}
    ]


def test_it_is_made_to_fit() -> None:
    """Whoever has used every operation of IAM and STS, on many resources of several types, gets a document for a
    managed policy; one who has used less keeps exact ARNs. What it fits is said."""
    actions = [operation.action for operation in ALL if operation.service in {"iam", "sts"}]
    found = made(*spread(actions, RESOURCES_LISTED_MAX))
    assert found.characters <= MANAGED
    assert found.fits == ("a managed policy", "an inline policy of a role")
    assert {said.pattern for said in found.generalised} == {arn(f"{kind}/*") for kind in KINDS}
    small = made(*spread(actions[:2], 2))
    assert small.generalised == ()
    assert small.fits[0] == "an inline policy of a user"


def test_paths_are_kept_while_they_fit() -> None:
    """Before all of a type is allowed, the path that the resources share is tried."""
    names = [f"user/team-0/{'long-name-' * 5}{each}" for each in range(10)]
    used = [UsedPermission(f"iam:{name}", arn(each)) for name in ("GetUser", "DeleteUser") for each in names]
    roles = [UsedPermission("iam:GetRole", arn(f"role/ops/{'r' * 500}{each}")) for each in range(10)]
    found = made(*used, *roles)
    assert statements(found) == [
        (["iam:DeleteUser", "iam:GetUser"], arn("user/team-0/*")),
        ("iam:GetRole", arn("role/ops/*")),
    ]
