"""What `diff` makes of what operations do, in its sentences."""

from domain.account import Account
from domain.families.users import USERS
from domain.queries.diff import FactDifference, changed_facts
from services.cli.lib.resources_output import named_resources
from tests.services.endpoint import ACCOUNT, Endpoint

AWS_POLICY = "arn:aws:iam::aws:policy/ReadOnlyAccess"


def told(before: Account, after: Account, subject: str) -> set[str]:
    return {FactDifference(*each).sentence for each in changed_facts(before, after, subject)}


def test_a_policy_of_aws_is_adopted() -> None:
    """Whoever attaches it first has not created it; the account's own policies are created."""
    endpoint = Endpoint()
    endpoint.user("ann")
    before = endpoint.account
    endpoint.call(endpoint.root, "AttachUserPolicy", UserName="ann", PolicyArn=AWS_POLICY)
    sentences = told(before, endpoint.account, AWS_POLICY)
    assert f"Managed policy {AWS_POLICY} was adopted." in sentences
    assert not any("created" in sentence for sentence in sentences)


def test_secrets_have_no_names() -> None:
    """A password that was reset is another one; its id is in no sentence, nor in the column of what calls are about."""
    endpoint = Endpoint()
    endpoint.user("ann")
    made = endpoint.call(
        endpoint.root, "CreateServiceSpecificCredential", UserName="ann", ServiceName="codecommit.amazonaws.com"
    )
    named = made["ServiceSpecificCredential"]["ServiceSpecificCredentialId"]
    before = endpoint.account
    reset = {"UserName": "ann", "ServiceSpecificCredentialId": named}
    endpoint.call(endpoint.root, "ResetServiceSpecificCredential", **reset)
    user_id = endpoint.account[USERS].named("ann").id
    assert told(before, endpoint.account, user_id) == {
        f"Service-specific credential {named} of user ann changed: it has another password."
    }
    about = [f"arn:aws:iam::{ACCOUNT}:user/ann", "AIDA" + "A" * 17, "AISP" + "A" * 17, named]
    assert named_resources(about, ACCOUNT) == ["user/ann", named]
