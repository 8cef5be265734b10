"""What hashing has told of passwords, beside the round: when it counts in the decision."""

import pytest

from domain.calls import NeedsFacts
from domain.families.passwords import PasswordFacts, PasswordQuery
from domain.foundation.errors import (
    AccessDenied,
    EntityTemporarilyUnmodifiable,
    NoSuchEntity,
    PasswordPolicyViolation,
    Refusal,
)
from domain.foundation.secret import Secret, SecretId, SecretKind
from services.secrets.passwords import PasswordHashes
from services.wire import operations
from services.wire.authentication import VerifiedCredential
from services.wire.decision import AuthenticatedRequest, decision_for
from services.wire.fact_rounds import FoundFacts
from tests.services.endpoint import ACCOUNT, HASHES, Endpoint, allow, seal
from tests.services.iam.test_passwords import FIRST, OWN, SECOND, THIRD, kept, with_password


@pytest.fixture
def endpoint() -> Endpoint:
    return Endpoint()


def deciding(endpoint: Endpoint, by: VerifiedCredential, facts: PasswordFacts | None, old: str, new: str) -> object:
    """The result of a decision on ChangePassword with these facts, nothing appended."""
    request = AuthenticatedRequest(
        by,
        endpoint.cause(by, "ChangePassword"),
        operations.find_operation("iam", "ChangePassword"),
        {"old_password": old, "new_password": new},
    )
    return decision_for(request, bytes, seal, FoundFacts(facts))({ACCOUNT: endpoint.account}, endpoint.at).result


def facts_for(endpoint: Endpoint, by: VerifiedCredential, old: str, new: str) -> PasswordFacts:
    with pytest.raises(NeedsFacts) as needed:
        deciding(endpoint, by, None, old, new)
    assert isinstance(needed.value.unsettled, EntityTemporarilyUnmodifiable)
    return found(endpoint, needed.value)


def found(endpoint: Endpoint, needed: NeedsFacts) -> PasswordFacts:
    facts = endpoint.find(needed.wanted)
    assert isinstance(facts, PasswordFacts)
    return facts


def test_facts_of_what_has_changed_do_not_count(endpoint: Endpoint) -> None:
    """Facts found out before the password was changed, or reuse prevention began, are asked for again; a wrong
    password of then is none of now."""
    ann = with_password(endpoint, OWN)
    right, wrong = facts_for(endpoint, ann, FIRST, SECOND), facts_for(endpoint, ann, THIRD, SECOND)
    assert isinstance(deciding(endpoint, ann, wrong, THIRD, SECOND), AccessDenied)
    endpoint.call(endpoint.root, "UpdateAccountPasswordPolicy", PasswordReusePrevention=1)
    with pytest.raises(NeedsFacts):
        deciding(endpoint, ann, right, FIRST, SECOND)
    endpoint.call(endpoint.root, "UpdateLoginProfile", UserName="ann", Password=THIRD)
    for facts, old in ((right, FIRST), (wrong, THIRD)):
        with pytest.raises(NeedsFacts):
            deciding(endpoint, ann, facts, old, SECOND)
    settled = facts_for(endpoint, ann, THIRD, SECOND)
    assert not isinstance(deciding(endpoint, ann, settled, THIRD, SECOND), Refusal)


def test_refusals_come_before_hashing(endpoint: Endpoint) -> None:
    """Who may not, who has no password, and who chooses a weak one learn so without anything being hashed."""
    stranger, bare = endpoint.user("eva"), endpoint.user("bob", allow())
    ann = with_password(endpoint, OWN)
    assert isinstance(deciding(endpoint, stranger, None, FIRST, SECOND), AccessDenied)
    assert isinstance(deciding(endpoint, bare, None, FIRST, SECOND), NoSuchEntity)
    assert isinstance(deciding(endpoint, ann, None, FIRST, "weak"), PasswordPolicyViolation)


def test_a_hash_that_is_gone_is_no_fact(endpoint: Endpoint) -> None:
    """What another call destroyed between two rounds is left out, so that the next round asks anew."""
    ann = with_password(endpoint, OWN)
    (password_id,) = kept(endpoint)
    with pytest.raises(NeedsFacts) as needed:
        deciding(endpoint, ann, None, FIRST, SECOND)
    del endpoint.secrets[SecretId(SecretKind.PASSWORD, password_id)]
    facts = found(endpoint, needed.value)
    assert facts.authenticate == {}
    with pytest.raises(NeedsFacts):
        deciding(endpoint, ann, facts, FIRST, SECOND)


def test_the_cost_is_in_the_hash() -> None:
    """A hash made with other parameters is still read: they can be raised."""
    wanted_hash = HASHES.found(PasswordQuery(Secret(SECOND)), lambda _id: None).hashed
    assert wanted_hash is not None
    stronger = PasswordHashes()
    assert stronger.found(PasswordQuery(Secret(SECOND), frozenset({"AIPW1"})), lambda _id: wanted_hash).reused == {
        "AIPW1": True
    }
    made = stronger.found(PasswordQuery(Secret(SECOND)), lambda _id: None).hashed
    assert made is not None
    assert made.reveal().startswith("$argon2id$v=19$m=65536,t=3,p=4$")
