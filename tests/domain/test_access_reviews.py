"""Access reviews: which lines there are, who may decide them, and how they are revoked."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from domain.account import Account, AccountChange
from domain.callers import Caller, principal_of
from domain.families.access_keys import AccessKeyCreated, AccessKeyDeactivated
from domain.families.access_reviews import (
    ACCESS_REVIEWS,
    AccessReview,
    AccessReviewLinesDecided,
    ReviewDecision,
    ReviewScope,
)
from domain.families.credential_use import CredentialUsed
from domain.families.groups import UserAddedToGroup, UserRemovedFromGroup
from domain.families.passwords import LoginProfileCreated, LoginProfileDeleted
from domain.families.policies import InlinePolicyDeleted, InlinePolicyPut, PolicyAttached, PolicyDetached
from domain.families.roles import ROLES
from domain.families.sessions import Session, SessionClaims
from domain.families.tags import EntityTagged
from domain.families.user_credentials import SSHPublicKeyUploaded, UserCredentialDeactivated
from domain.foundation.errors import OperationNotPermittedException
from domain.queries.review_decisions import AskedDecision, DecidedLines, Revocation, decide_lines
from domain.queries.review_lines import ReviewLine, lines_sha256, review_lines
from domain.rules.access_reviews import start_review
from tests.domain.accounts import (
    ACCOUNT,
    ADMINISTRATOR_ACCESS,
    ALLOW_ALL,
    AT,
    after,
    document,
    new_account,
    trusting,
    user_arn,
    with_groups,
    with_role,
    with_users,
)
from tests.review_steps import EVERYTHING, facts_of, started_lines

READ_ONLY = "arn:aws:iam::aws:policy/IAMReadOnlyAccess"
DENY = document({"Effect": "Deny", "Action": "s3:*", "Resource": "*"})
FULL_ACCESS = "arn:aws:iam::aws:policy/IAMFullAccess"
DAY = timedelta(days=1)


def attached(noun: str, holder: str, policy_arn: str) -> PolicyAttached:
    entity_id = {"user": "AIDA", "group": "AGPA", "role": "AROA"}[noun] + holder
    named = {"entity": noun, "entity_id": entity_id, "entity_name": holder}
    return PolicyAttached.model_validate({**named, "policy_id": "ANPA", "policy_arn": policy_arn})


def inline(holder: str, name: str, text: str) -> InlinePolicyPut:
    return InlinePolicyPut(
        entity="user", entity_id=f"AIDA{holder}", entity_name=holder, policy_name=name, document=text
    )


def member(user: str, group: str) -> UserAddedToGroup:
    return UserAddedToGroup(group_id=f"AGPA{group}", group_name=group, user_id=f"AIDA{user}", user_name=user)


def key(user: str, key_id: str) -> AccessKeyCreated:
    return AccessKeyCreated(access_key_id=key_id, user_id=f"AIDA{user}", user_name=user)


def company() -> Account:
    """ann is an administrator with a key, bob is in a group, has much and uses little, ops trusts ann; root has a
    key."""
    account = with_role(with_groups(with_users(new_account(), "ann", "bob"), "dev"), "ops", trusting(user_arn("ann")))
    return after(
        account,
        attached("user", "ann", ADMINISTRATOR_ACCESS),
        key("ann", "AKIAANN"),
        attached("group", "dev", READ_ONLY),
        member("bob", "dev"),
        inline("bob", "own", ALLOW_ALL),
        inline("bob", "quarantine", DENY),
        key("bob", "AKIABOB"),
        LoginProfileCreated(user_id="AIDAbob", user_name="bob", password_id="AIPWB", reset_required=False),
        SSHPublicKeyUploaded(
            credential_id="APKABOB",
            user_id="AIDAbob",
            user_name="bob",
            fingerprint="f",
            body_sha256="b",
            pem_sha256="p",
        ),
        AccessKeyCreated(access_key_id="AKIAROOT", user_id=ACCOUNT, user_name=ACCOUNT),
        attached("role", "ops", READ_ONLY),
    )


def lines(account: Account, scope: ReviewScope = EVERYTHING) -> dict[str, ReviewLine]:
    return {line.title: line for line in review_lines(account, scope, AT + 100 * DAY)}


def reviewed(account: Account, *, allows_own: bool = False) -> tuple[Account, AccessReview]:
    started = start_review(
        account,
        review_id="ARVW1",
        name="q4",
        lines=facts_of(account, AT),
        due_at=None,
        reviewers=(),
        allows_own=allows_own,
        at=AT,
    )
    account = after(account, started)
    return account, account[ACCESS_REVIEWS]["q4"]


def caller(account: Account, user_id: str, key_id: str = "AKIAOTHER") -> Caller:
    return Caller(principal_of(account, user_id), user_id, key_id)


def decide(
    account: Account,
    decisions: Mapping[str, ReviewDecision] | Sequence[AskedDecision],
    *,
    by: Caller | None = None,
    allows_own: bool = False,
    seen: list[Revocation] | None = None,
    now: Account | None = None,
    why_not: str | None = None,
) -> DecidedLines:
    """By the titles of lines as they are in `account`, where the review starts; decided on `now`."""
    started, review = reviewed(account, allows_own=allows_own)
    there = lines(account)
    asked = decisions
    if isinstance(decisions, Mapping):
        asked = [AskedDecision(there[title].id, decision, "r") for title, decision in decisions.items()]
    assert not isinstance(asked, Mapping)

    def denied(revocation: Revocation) -> str | None:
        if seen is not None:
            seen.append(revocation)
        return why_not

    value = started if now is None else now
    return decide_lines(value, review, asked, started_lines(list(there.values())), by, denied, AT)


def reasons(decided: DecidedLines) -> list[str | None]:
    assert not decided.events
    return [each.reason for each in decided.outcomes if each.outcome == "refused"]


def test_what_the_lines_are() -> None:
    """One for each thing that one operation takes away, with what a membership gives; inactive credentials are none."""
    account = after(
        company(),
        key("bob", "AKIAOLD"),
        AccessKeyDeactivated(access_key_id="AKIAOLD", user_id="AIDAbob", user_name="bob"),
    )
    found = lines(account)
    assert list(found) == [
        "access key AKIAROOT of root",
        f"policy {ADMINISTRATOR_ACCESS} of user ann",
        "access key AKIAANN of user ann",
        "inline policy own of user bob",
        "inline policy quarantine of user bob",
        "membership of group dev of user bob",
        "access key AKIABOB of user bob",
        "password of user bob",
        "SSH public key APKABOB of user bob",
        f"policy {READ_ONLY} of group dev",
        f"policy {READ_ONLY} of role ops",
        f"trust of {user_arn('ann')} of role ops",
    ]
    assert found["membership of group dev of user bob"].gives == (READ_ONLY,)
    assert len({line.id for line in found.values()}) == len(found)
    again = lines(after(account, attached("group", "dev", ADMINISTRATOR_ACCESS)))
    changed = {title for title, line in found.items() if again[title].version != line.version}
    assert changed == {"membership of group dev of user bob"}
    assert {title: line.id for title, line in found.items()}.items() <= {
        title: line.id for title, line in again.items()
    }.items()
    assert lines_sha256(found.values()) != lines_sha256(again.values()) == lines_sha256(reversed(again.values()))


SCOPES: Sequence[tuple[ReviewScope, set[str]]] = (
    (ReviewScope(principals="roles"), {"role ops"}),
    (ReviewScope(principals="users"), {"user ann", "user bob", "user carol"}),
    (ReviewScope(principals="administrators"), {"root", "user ann", "user bob", "user carol"}),
    (ReviewScope(principals="users", user_ids=("AIDAann",)), {"user ann"}),
    (ReviewScope(path_prefix="/team/"), {"user carol"}),
    (ReviewScope(tag_key="TEAM", tag_value="a"), {"user carol"}),
    (ReviewScope(tag_key="team", tag_value="b"), set()),
    (ReviewScope(policy_arn=READ_ONLY), {"user bob", "group dev", "role ops"}),
    (ReviewScope(principals="users", unused_days=90), {"user bob", "user carol"}),
)


@pytest.mark.parametrize(
    ("scope", "owners"), SCOPES, ids=lambda each: str(each)[:60] if isinstance(each, ReviewScope) else str(sorted(each))
)
def test_what_is_in_scope(scope: ReviewScope, owners: set[str]) -> None:
    """Each part of a scope narrows it; a membership in a group that has the policy is in the policy's."""
    used = CredentialUsed(credential="access_key", credential_id="AKIAANN", service="iam", region="us-east-1")
    account = after(with_users(company(), "carol", path="/team/"), used, at=AT + 99 * DAY)
    tagged = EntityTagged(entity="user", entity_id="AIDAcarol", entity_name="carol", tags={"team": "a"})
    account = after(account, tagged, attached("user", "carol", FULL_ACCESS), at=AT + 99 * DAY)
    found = {title.rpartition(" of ")[2] for title in lines(account, scope)}
    assert found == owners


REVOCATIONS: Mapping[str, tuple[str, type[AccountChange], str]] = {
    "inline policy own of user bob": ("iam:DeleteUserPolicy", InlinePolicyDeleted, "user/bob"),
    "membership of group dev of user bob": ("iam:RemoveUserFromGroup", UserRemovedFromGroup, "group/dev"),
    "access key AKIABOB of user bob": ("iam:UpdateAccessKey", AccessKeyDeactivated, "user/bob"),
    "password of user bob": ("iam:DeleteLoginProfile", LoginProfileDeleted, "user/bob"),
    "SSH public key APKABOB of user bob": ("iam:UpdateSSHPublicKey", UserCredentialDeactivated, "user/bob"),
    f"policy {READ_ONLY} of group dev": ("iam:DetachGroupPolicy", PolicyDetached, "group/dev"),
    f"policy {READ_ONLY} of role ops": ("iam:DetachRolePolicy", PolicyDetached, "role/ops"),
}


def test_each_revocation_is_one_operation() -> None:
    """With its action, resource and condition keys, which the reviewer has to be allowed; the line is gone, and all
    else is there. Where one is not allowed, none is decided."""
    seen: list[Revocation] = []
    account = company()
    decided = decide(account, dict.fromkeys(REVOCATIONS, "revoke"), by=caller(account, "AIDAann"), seen=seen)
    event, *changes = decided.events
    assert isinstance(event, AccessReviewLinesDecided)
    assert [(each.decision, each.reason, each.what) for each in event.decisions] == [
        ("revoke", "r", title) for title in REVOCATIONS
    ]
    assert [(each.action, type(each.events[-1])) for each in seen] == [each[:2] for each in REVOCATIONS.values()]
    assert [each.resource for each in seen] == [account.arn(resource) for _, _, resource in REVOCATIONS.values()]
    assert seen[-1].context == {"iam:policyarn": (READ_ONLY,)}
    assert decided.password_ids == ["AIPWB"]
    assert lines(account).keys() - lines(after(account, *changes)).keys() == REVOCATIONS.keys()
    assert set(reasons(decide(account, dict.fromkeys(REVOCATIONS, "revoke"), why_not="not allowed"))) == {"not allowed"}


def test_what_a_review_does_not_revoke() -> None:
    """Root's own, whom a role trusts, what only denies and what is a service's: the refusal says what to do instead."""
    account = company()
    linked = replace(account[ROLES].named("ops"), id="AROAlinked", name="linked", path="/aws-service-role/x/")
    account = after(account.put(ROLES, account[ROLES].add(linked)), attached("role", "linked", READ_ONLY))
    told = decide(
        account,
        dict.fromkeys(
            (
                "access key AKIAROOT of root",
                f"trust of {user_arn('ann')} of role ops",
                "inline policy quarantine of user bob",
                f"policy {READ_ONLY} of role linked",
            ),
            "revoke",
        ),
    )
    root, trust, quarantine, of_service = map(str, reasons(told))
    assert root.endswith("aws iam update-access-key --access-key-id AKIAROOT --status Inactive")
    assert "aws iam update-assume-role-policy --role-name ops --policy-document file://trust.json" in trust
    assert "only denies" in quarantine
    assert "aws iam delete-service-linked-role --role-name linked" in of_service


def test_nobody_keeps_his_own() -> None:
    """Neither what he has himself or through a group, nor that a role trusts him, nor in a session of one.
    What is others', and to give up his own, is his to decide; and so is all where the review allows it."""
    account = company()
    own = {"inline policy own of user bob": "keep", f"policy {READ_ONLY} of group dev": "keep"}
    bob, ann = caller(account, "AIDAbob"), caller(account, "AIDAann")
    session = SessionClaims(
        **Session(
            session_id="SESN1",
            access_key_id="ASIA1",
            principal=ann.principal,
            entity_id="AROAops",
            issued_at=AT,
            expires_at=AT + DAY,
            minted_by_access_key_id="AKIABOB",
        ).model_dump()
    )
    assumed = replace(ann, entity_id="AROAops", session=session)
    for by in (bob, assumed):
        assert len(reasons(decide(account, own, by=by))) == 2  # type: ignore[arg-type]
    for by in (replace(assumed, session=session.model_copy(update={"minted_by_access_key_id": "ASIAGONE"})),):
        assert "cannot be told" in str(reasons(decide(account, own, by=by))[0])  # type: ignore[arg-type]
    assert reasons(decide(account, {f"trust of {user_arn('ann')} of role ops": "keep"}, by=ann))
    for decided in (
        decide(account, own, by=ann),  # type: ignore[arg-type]
        decide(account, own, by=bob, allows_own=True),  # type: ignore[arg-type]
        decide(account, dict.fromkeys(own, "revoke"), by=bob),
        decide(account, {f"policy {ADMINISTRATOR_ACCESS} of user ann": "keep"}, by=assumed),
    ):
        assert decided.events


def test_what_is_no_longer_as_it_was_is_told() -> None:
    """What is gone, has changed, is no line or is named twice is not decided; what has changed is, by its version."""
    account = company()
    there = lines(account)
    own, group, membership = (
        there[title]
        for title in (
            "inline policy own of user bob",
            f"policy {READ_ONLY} of group dev",
            "membership of group dev of user bob",
        )
    )
    now = after(
        reviewed(account)[0],
        InlinePolicyDeleted(entity="user", entity_id="AIDAbob", entity_name="bob", policy_name="own"),
        attached("group", "dev", ADMINISTRATOR_ACCESS),
    )
    asked = [
        AskedDecision(own.id, "keep"),
        AskedDecision(group.id, "keep"),
        AskedDecision(group.id, "revoke"),
        AskedDecision("RLINX", "keep"),
        AskedDecision(membership.id, "keep"),
    ]
    gone, twice, none, changed = map(str, reasons(decide(account, asked, now=now)))
    version = lines(now)["membership of group dev of user bob"].version
    assert "gone since" in gone
    assert "twice" in twice
    assert "no line of this review" in none
    assert changed.endswith(f"decide version {version}.")
    assert decide(account, [AskedDecision(membership.id, "keep", version=version)], now=now).events


def test_what_was_decided_is_not_decided_again() -> None:
    """The same decisions once more are no event, until what was kept has changed or what was revoked has come back."""
    account, review = reviewed(company())
    there = lines(account)
    membership, password = there["membership of group dev of user bob"], there["password of user bob"]
    asked = [AskedDecision(membership.id, "keep"), AskedDecision(password.id, "revoke")]
    started = started_lines(list(there.values()))

    def again(account: Account) -> DecidedLines:
        return decide_lines(account, account[ACCESS_REVIEWS]["q4"], asked, started, None, lambda _: None, AT)

    account = after(account, *again(account).events)
    review = account[ACCESS_REVIEWS]["q4"]
    assert (set(review.kept), set(review.revoked)) == ({membership.id}, {password.id})
    assert [each.outcome for each in again(account).outcomes] == ["already", "already"]
    assert not again(account).events
    other = LoginProfileCreated(user_id="AIDAbob", user_name="bob", password_id="AIPWC", reset_required=False)
    assert len(again(after(account, other)).events) == 2
    changed = after(account, attached("group", "dev", ADMINISTRATOR_ACCESS))
    assert [each.outcome for each in again(changed).outcomes] == ["refused", "already"]


def test_the_last_administrator_stays() -> None:
    """No decisions together leave no key of anybody who may set permissions in order; nor does anybody cut off the key
    that he calls with."""
    alone = after(
        company(), InlinePolicyDeleted(entity="user", entity_id="AIDAbob", entity_name="bob", policy_name="own")
    )
    alone = after(alone, AccessKeyDeactivated(access_key_id="AKIAROOT", user_id=ACCOUNT, user_name=ACCOUNT))
    for title in (f"policy {ADMINISTRATOR_ACCESS} of user ann", "access key AKIAANN of user ann"):
        with pytest.raises(OperationNotPermittedException, match="last administrator"):
            decide(alone, {title: "revoke"}, by=caller(alone, "AIDAbob"))
        assert decide(company(), {title: "revoke"}, by=caller(alone, "AIDAbob")).events
    mine = decide(company(), {"access key AKIAANN of user ann": "revoke"}, by=caller(alone, "AIDAann", "AKIAANN"))
    assert "signed with AKIAANN" in str(reasons(mine)[0])
