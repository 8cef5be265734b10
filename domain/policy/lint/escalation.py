"""Lints a policy for ways by which its bearer can give itself more: actions of IAM and STS on all users, groups, roles
or policies, or on an administrator's.

The ways are public knowledge; why they are bad, the IAM User Guide says ("Security best practices"). A denial in the
same policy, without conditions, closes one.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import NamedTuple

from domain.policy.document import PolicyType
from domain.policy.lint.findings import Finding, security_warning
from domain.policy.lint.parsed import ListedText, ParsedCondition, ParsedStatement
from domain.policy.pattern_relations import arn_covers, covers, is_everything, overlap
from domain.policy.wildcards import ARN_PARTS, Test, arn_parts, wildcard

TOLD_MAX = 3
"""Of the ways that one action with wildcards opens; the others are counted."""

DENIED_MAX = 100
"""Statements that deny, and their resources. Where there are more none is heeded, which says too much, not too little.
"""

_OWN = "/${aws:username}"
"""How the ARN of one's own user ends. Without the slash, `ann` would be `joann` too."""
_BOUNDARY = "iam:permissionsboundary"
_POLICY = "iam:policyarn"
_ADMINISTRATORS_POLICIES = ("arn:aws:iam::aws:policy/AdministratorAccess", "arn:aws:iam::aws:policy/IAMFullAccess")
_TAGS = ("aws:resourcetag/", "iam:resourcetag/")


class Escalation(NamedTuple):
    action: str
    about: str
    """The resources of IAM that it can be about."""
    reason: str
    bounded_by: tuple[str, ...] = ()
    """Condition keys, in lower case, that leave of it what was meant."""
    is_own: bool = False
    """Whether everybody may do it with one's own user: it is about credentials."""


_USERS, _GROUPS, _ROLES, _POLICIES = "user/*", "group/*", "role/*", "policy/*"
_PASS_ROLE = Escalation(
    "iam:PassRole", _ROLES, "hands roles to what it starts", ("iam:passedtoservice", "iam:associatedresourcearn")
)
ESCALATIONS = (
    Escalation("iam:CreatePolicyVersion", _POLICIES, "rewrites policies, its bearer's own too"),
    Escalation("iam:SetDefaultPolicyVersion", _POLICIES, "puts older versions of policies into force"),
    Escalation("iam:AttachUserPolicy", _USERS, "attaches any policy to users", (_POLICY, _BOUNDARY)),
    Escalation("iam:AttachGroupPolicy", _GROUPS, "attaches any policy to groups", (_POLICY,)),
    Escalation("iam:AttachRolePolicy", _ROLES, "attaches any policy to roles", (_POLICY, _BOUNDARY)),
    Escalation("iam:PutUserPolicy", _USERS, "writes any permission into users", (_BOUNDARY,)),
    Escalation("iam:PutGroupPolicy", _GROUPS, "writes any permission into groups"),
    Escalation("iam:PutRolePolicy", _ROLES, "writes any permission into roles", (_BOUNDARY,)),
    Escalation("iam:AddUserToGroup", _GROUPS, "joins groups, administrators' too"),
    Escalation("iam:UpdateAssumeRolePolicy", _ROLES, "lets its bearer, or anybody, into roles"),
    Escalation("iam:CreateAccessKey", _USERS, "makes keys of other users", is_own=True),
    Escalation("iam:CreateLoginProfile", _USERS, "sets passwords for other users", is_own=True),
    Escalation("iam:UpdateLoginProfile", _USERS, "changes the passwords of other users", is_own=True),
    Escalation("iam:CreateServiceSpecificCredential", _USERS, "makes credentials of other users", is_own=True),
    Escalation("iam:ResetServiceSpecificCredential", _USERS, "resets credentials of other users", is_own=True),
    Escalation("iam:DeactivateMFADevice", _USERS, "takes away the second factor of other users", is_own=True),
    Escalation("iam:DeleteUserPermissionsBoundary", _USERS, "takes away what bounds users"),
    Escalation("iam:DeleteRolePermissionsBoundary", _ROLES, "takes away what bounds roles"),
    Escalation("iam:PutUserPermissionsBoundary", _USERS, "replaces what bounds users", (_BOUNDARY,)),
    Escalation("iam:PutRolePermissionsBoundary", _ROLES, "replaces what bounds roles", (_BOUNDARY,)),
    Escalation("iam:DeleteUserPolicy", _USERS, "takes away what policies of users deny", (_BOUNDARY,)),
    Escalation("iam:DeleteGroupPolicy", _GROUPS, "takes away what policies of groups deny"),
    Escalation("iam:DeleteRolePolicy", _ROLES, "takes away what policies of roles deny", (_BOUNDARY,)),
    Escalation("iam:DetachUserPolicy", _USERS, "takes away what policies of users deny", (_POLICY, _BOUNDARY)),
    Escalation("iam:DetachGroupPolicy", _GROUPS, "takes away what policies of groups deny", (_POLICY,)),
    Escalation("iam:DetachRolePolicy", _ROLES, "takes away what policies of roles deny", (_POLICY, _BOUNDARY)),
    Escalation("iam:RemoveUserFromGroup", _GROUPS, "leaves groups that deny something"),
    Escalation("iam:UpdateSAMLProvider", "saml-provider/*", "replaces the identity provider that roles trust"),
    Escalation(
        "iam:UpdateOpenIDConnectProviderThumbprint", "oidc-provider/*", "replaces whom roles take for their provider"
    ),
    Escalation("sts:AssumeRole", _ROLES, "takes on roles that trust the account, administrators' too"),
    Escalation("sts:AssumeRoot", "root", "acts as the root user of member accounts", ("sts:taskpolicyarn",)),
    _PASS_ROLE,
)
STARTING = (
    *("apprunner:CreateService", "autoscaling:CreateLaunchConfiguration", "batch:RegisterJobDefinition"),
    *("bedrock-agentcore:CreateCodeInterpreter", "cloudformation:CreateChangeSet", "cloudformation:CreateStack"),
    *("cloudformation:CreateStackSet", "cloudformation:UpdateStack", "codebuild:CreateProject"),
    *("codebuild:UpdateProject", "codepipeline:CreatePipeline", "datapipeline:CreatePipeline"),
    *("ec2:AssociateIamInstanceProfile", "ec2:ReplaceIamInstanceProfileAssociation", "ec2:RunInstances"),
    *("ecs:RegisterTaskDefinition", "ecs:RunTask", "elasticmapreduce:RunJobFlow", "emr-serverless:StartJobRun"),
    *("glue:CreateDevEndpoint", "glue:CreateJob", "glue:CreateSession", "glue:UpdateJob"),
    *("imagebuilder:CreateInfrastructureConfiguration", "lambda:CreateFunction", "lambda:UpdateFunctionConfiguration"),
    *("sagemaker:CreateNotebookInstance", "sagemaker:CreateProcessingJob", "sagemaker:CreateTrainingJob"),
    *("ssm:StartAutomationExecution", "states:CreateStateMachine", "states:UpdateStateMachine"),
)
"""Actions that start something, or change what is started, with a role that is passed."""
_OF_AN_ADMINISTRATOR = {each for each in ESCALATIONS if each.action.startswith("iam:")} - {_PASS_ROLE}

Granting = Callable[[str], list[ListedText]]
"""Of an action, the texts that mean it; of NotAction, which may leave it over, the element."""
Opened = dict[ListedText, list[tuple[Escalation, str]]]
"""By the text that allows them: the ways, each with a resource that it is open on."""


def escalation_findings(read: Sequence[ParsedStatement], policy_type: PolicyType) -> Iterator[Finding]:
    """Of an identity-based policy, one for each text of Action that opens ways."""
    if not policy_type.grants or "Principal" in policy_type.elements:
        return
    allowing = [(statement, _granting(statement)) for statement in read if statement.allows]
    is_denied = _denials(read)
    started = [
        action for action in STARTING if any(granted(action) for _, granted in allowing) and not is_denied(action, "*")
    ]
    for statement, granted in allowing:
        opened: Opened = defaultdict(list)
        resources = _Resources(statement)
        for way in ESCALATIONS if started else ESCALATIONS[:-1]:
            items = granted(way.action)
            if not items or _is_bounded(statement, way):
                continue
            dangerous = resources.dangerous(way.about, is_own=way.is_own)
            resource = next((text for text in dangerous if not is_denied(way.action, text)), None)
            if resource is not None:
                for item in items:
                    opened[item].append((way, resource))
        yield from _told(opened, started)


def _granting(statement: ParsedStatement) -> Granting:
    element = "NotAction" if "NotAction" in statement.elements else "Action"
    tests: dict[str, list[tuple[ListedText, Test]]] = defaultdict(list)
    once = {item.text.lower(): item for item in reversed(statement.listed(element))}
    for text, item in reversed(once.items()):
        prefix = "*" if is_everything(text) else text.partition(":")[0]
        tests[prefix].append((item, wildcard(text)))

    def granted(action: str) -> list[ListedText]:
        action = action.lower()
        tried = (*tests.get("*", ()), *tests.get(action.partition(":")[0], ()))
        meant = [item for item, test in tried if test(action)]
        if element == "Action":
            return meant
        return [] if meant else [ListedText(statement.at(element), element)]

    return granted


def _denials(read: Sequence[ParsedStatement]) -> Callable[[str, str], bool]:
    """Whether a denial without conditions is of an action on all that a resource means."""
    denying = [each for each in read if each.elements.get("Effect") == "Deny" and not each.elements.get("Condition")]
    if sum(1 + len(statement.listed("Resource")) for statement in denying) > DENIED_MAX:
        return lambda _action, _resource: False
    denied = [(_granting(statement), statement.texts("Resource")) for statement in denying]

    @cache
    def texts_denied(action: str) -> tuple[str, ...]:
        return tuple(text for granted, resources in denied if granted(action) for text in resources)

    @cache
    def is_covered(resource: str, texts: tuple[str, ...]) -> bool:
        return any(arn_covers(text, resource) for text in texts)

    return lambda action, resource: is_covered(resource, texts_denied(action))


class _Resources:
    """What of IAM's a statement is about."""

    def __init__(self, statement: ParsedStatement) -> None:
        self._excepting = "NotResource" in statement.elements
        texts = statement.texts("NotResource" if self._excepting else "Resource")
        self._parts = [(text, part) for text in texts if (part := _of_iam(text)) is not None]
        self._found: dict[tuple[str, bool], list[str]] = {}

    def dangerous(self, about: str, *, is_own: bool) -> list[str]:
        """Those by which it is about all of these, about an administrator's, or about the bearer itself."""
        key = about, is_own
        if key not in self._found:
            self._found[key] = list(self._find(about, is_own=is_own))
        return self._found[key]

    def _find(self, about: str, *, is_own: bool) -> Iterator[str]:
        if self._excepting:
            if not any(covers(part, about) for _, part in self._parts):
                yield "*"
            return
        for text, part in self._parts:
            by_name = "admin" in part.lower() and overlap(part, about)
            if by_name or covers(part, about) or (about == _USERS and not is_own and part.endswith(_OWN)):
                yield text


def _of_iam(text: str) -> str | None:
    """What a pattern says of a resource of IAM; what it lacks of an ARN is completed with stars."""
    if is_everything(text):
        return "*"
    parts = arn_parts(text)
    parts += ["*"] * (ARN_PARTS - len(parts))
    return parts[-1] if overlap(parts[2], "iam") and overlap(parts[3], "") else None


def _is_bounded(statement: ParsedStatement, way: Escalation) -> bool:
    return any(
        (condition.key in way.bounded_by or condition.key.startswith(_TAGS)) and _narrows(condition)
        for condition in statement.conditions()
    )


def _narrows(condition: ParsedCondition) -> bool:
    """Whether it leaves only what it lists."""
    is_positive = "Not" not in condition.operator and condition.operator != "Null"
    holds_without = condition.if_exists or condition.quantifier == "ForAllValues"
    gives_all = any(covers(text, policy) for text in condition.texts for policy in _ADMINISTRATORS_POLICIES)
    return is_positive and not holds_without and not gives_all


def _told(opened: Opened, started: Sequence[str]) -> Iterator[Finding]:
    seen = set[Escalation]()
    for item, ways in opened.items():
        if {way for way, _ in ways} >= _OF_AN_ADMINISTRATOR:
            message = f"{item.text} on {ways[0][1]} makes its bearer an administrator, who can do everything."
            yield security_warning("FULL_ADMINISTRATOR", message, item.path)
            return
    for item, ways in opened.items():
        new = [(way, resource) for way, resource in ways if way not in seen]
        seen |= {way for way, _ in new}
        if new:
            reasons = [_reason(way, resource, started) for way, resource in new[:TOLD_MAX]]
            more = f"; and {len(new) - TOLD_MAX} more" if len(new) > TOLD_MAX else ""
            message = f"{item.text} opens ways to more permissions: {'; '.join(reasons)}{more}."
            yield security_warning("PRIVILEGE_ESCALATION", message, item.path)


def _reason(way: Escalation, resource: str, started: Sequence[str]) -> str:
    by = f", by {' or '.join(started[:TOLD_MAX])}" if way is _PASS_ROLE else ""
    return f"{way.action} on {resource} {way.reason}{by}"
