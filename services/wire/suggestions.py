"""What somebody may have meant who named what there is not: told to those who may list what there is."""

from domain.account import Account
from domain.authorization import check
from domain.calls import Call
from domain.foundation.errors import NoSuchEntity, Refusal
from domain.policy import Result, evaluate

LISTINGS = (
    ("iam:ListUsers", "iam", "user/"),
    ("iam:ListGroups", "iam", "group/"),
    ("iam:ListRoles", "iam", "role/"),
    ("muniment:ListCredentials", "muniment", "credentials"),
    ("muniment:ListSessions", "muniment", "sessions"),
)
"""What it takes to see the name of everything that can be suggested."""


def may_list(account: Account, call: Call) -> bool:
    """No check of the call's own, and not recorded: its outcome stands."""
    checks = (check(account, call, action, account.arn(resource, service)) for action, service, resource in LISTINGS)
    return all(evaluate(each.layers, each.request).result is Result.ALLOWED for each in checks)


def with_suggestion(account: Account, call: Call, refusal: Refusal) -> Refusal:
    if isinstance(refusal, NoSuchEntity) and refusal.suggestion and may_list(account, call):
        return refusal.suggesting()
    return refusal
