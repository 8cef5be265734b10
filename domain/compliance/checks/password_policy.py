"""What the account asks of its users' passwords."""

from collections.abc import Iterator

from domain.account import Account
from domain.compliance.check import ACCOUNT, CheckFinding, Count, Days, check, violated
from domain.families.passwords import PASSWORD_POLICY


@check(
    of=ACCOUNT,
    reads=(PASSWORD_POLICY,),
    title="The account has a password policy, and it is strong enough",
    rationale="Passwords that are short, plain or used again are the first that are guessed.",
    remediation="aws iam update-account-password-policy",
    severity="medium",
)
def weak_password_policy(
    account: Account,
    holder_id: str,
    *,
    length: Count = 0,
    uppercase: bool = False,
    lowercase: bool = False,
    letters: bool = False,
    symbols: bool = False,
    numbers: bool = False,
    remembered: Count = 0,
    days: Days = 0,
) -> Iterator[CheckFinding]:
    """`letters`: of either case; `remembered`: how many passwords cannot be chosen again; `days`: after how many a
    password expires at the latest. What is 0 or false is not looked at. AWS's default policy is none of the account's
    own."""
    policy = account[PASSWORD_POLICY]
    yield violated(
        holder_id,
        policy is None
        or policy.minimum_password_length < length
        or (uppercase and not policy.require_uppercase_characters)
        or (lowercase and not policy.require_lowercase_characters)
        or (letters and not (policy.require_uppercase_characters or policy.require_lowercase_characters))
        or (symbols and not policy.require_symbols)
        or (numbers and not policy.require_numbers)
        or (policy.password_reuse_prevention or 0) < remembered
        or bool(days and not 0 < (policy.max_password_age or 0) <= days),
    )
