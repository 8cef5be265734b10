"""boto3 as programs use it: paginators, waiters, typed errors, retries, assumed roles from a profile, many threads."""

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import boto3
import pytest
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import ClientError, ParamValidationError

from tests.clients.raw_http import administrator
from tests.clients.server import Server, run
from tests.services.endpoint import SERVICE_OF

USERS = 250
TRUSTED = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}
LISTING = {"Effect": "Allow", "Action": "iam:List*", "Resource": "*"}
RETRYING = Config(retries={"mode": "standard", "max_attempts": 3}, region_name="eu-central-1")


@pytest.fixture(autouse=True)
def _nobodys_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of whoever runs the tests reaches boto3."""
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.delenv("AWS_PROFILE", raising=False)


@pytest.fixture
def session(server: Server) -> boto3.Session:
    """The administrator's."""
    key = administrator(server)
    return boto3.Session(key.access_key, key.secret_key, region_name="eu-central-1")


@pytest.fixture
def iam(server: Server, session: boto3.Session) -> Iterator[Any]:
    client = session.client("iam", endpoint_url=server.endpoint, config=RETRYING)
    yield client
    client.close()


def document(statement: Mapping[str, object]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.mark.parametrize("page_size", [7, 100, 1_000])
def test_a_paginator_gives_everybody_once(iam: Any, page_size: int) -> None:
    """250 users in pages of any size, in the order of their names, none missing and none twice."""
    path = f"/paged/{page_size}/"
    names = [f"p{page_size}-{number:03}" for number in range(USERS)]
    for name in names:
        iam.create_user(UserName=name, Path=path)
    pages = list(iam.get_paginator("list_users").paginate(PathPrefix=path, PaginationConfig={"PageSize": page_size}))
    assert [user["UserName"] for page in pages for user in page["Users"]] == names
    assert [page["IsTruncated"] for page in pages] == [True] * (len(pages) - 1) + [False]
    assert len(pages) == -(-USERS // page_size)


def test_a_paginator_goes_on_where_another_stopped(iam: Any) -> None:
    """The resume token of one paginator is the starting token of the next, also when users came and went between."""
    for number in range(9):
        iam.create_user(UserName=f"resumed-{number}", Path="/resumed/")
    paginator = iam.get_paginator("list_users")
    first = paginator.paginate(PathPrefix="/resumed/", PaginationConfig={"PageSize": 3, "MaxItems": 3})
    seen = [user["UserName"] for user in first.build_full_result()["Users"]]
    iam.delete_user(UserName=seen[-1])
    rest = paginator.paginate(PathPrefix="/resumed/", PaginationConfig={"StartingToken": first.resume_token})
    seen += [user["UserName"] for user in rest.build_full_result()["Users"]]
    assert sorted(set(seen)) == [f"resumed-{number}" for number in range(9)]


def test_the_whole_account_in_pages(server: Server, iam: Any) -> None:
    """boto3's paginator and the aws command find everybody of four lists, each once and in order, documents decoded."""
    iam.create_user(UserName="whole-account")
    may = {"Effect": "Allow", "Action": "iam:GetUser", "Resource": "*"}
    iam.put_user_policy(UserName="whole-account", PolicyName="may", PolicyDocument=document(may))
    iam.create_policy(PolicyName="whole-account", PolicyDocument=document(may))
    paginator = iam.get_paginator("get_account_authorization_details")
    paged = paginator.paginate(PaginationConfig={"PageSize": 40}).build_full_result()
    names = [user["UserName"] for user in paged["UserDetailList"]]
    listed = iam.get_paginator("list_users").paginate().build_full_result()
    assert names == [user["UserName"] for user in listed["Users"]]
    (user,) = (user for user in paged["UserDetailList"] if user["UserName"] == "whole-account")
    assert user["UserPolicyList"][0]["PolicyDocument"]["Statement"] == [may]
    (policy,) = (policy for policy in paged["Policies"] if policy["PolicyName"] == "whole-account")
    assert policy["PolicyVersionList"][0]["Document"]["Statement"] == [may]
    command = ["aws", "iam", "get-account-authorization-details", "--filter", "User", "--page-size", "100"]
    answer = run(command, server.profile)
    assert answer.status == 0, answer.error
    told: Any = answer.json
    assert [user["UserName"] for user in told["UserDetailList"]] == names
    assert told["RoleDetailList"] == told["Policies"] == []


def test_waiters_see_what_is_there(iam: Any) -> None:
    """user_exists, role_exists and policy_exists return for what exists, and give up on what does not."""
    iam.create_user(UserName="awaited")
    iam.get_waiter("user_exists").wait(UserName="awaited", WaiterConfig={"MaxAttempts": 1})
    iam.create_role(RoleName="awaited", AssumeRolePolicyDocument=document(TRUSTED))
    iam.get_waiter("role_exists").wait(RoleName="awaited", WaiterConfig={"MaxAttempts": 1})
    policy = iam.create_policy(PolicyName="awaited", PolicyDocument=document(LISTING))["Policy"]
    iam.get_waiter("policy_exists").wait(PolicyArn=policy["Arn"], WaiterConfig={"MaxAttempts": 1})
    if "CreateInstanceProfile" in SERVICE_OF:
        iam.create_instance_profile(InstanceProfileName="awaited")
        waiter = iam.get_waiter("instance_profile_exists")
        waiter.wait(InstanceProfileName="awaited", WaiterConfig={"MaxAttempts": 1})
    with pytest.raises(Exception, match="Max attempts exceeded"):
        iam.get_waiter("user_exists").wait(UserName="godot", WaiterConfig={"MaxAttempts": 1, "Delay": 0})


def test_every_paginator(iam: Any) -> None:
    """Each that boto3 has, page by page of one item, comes to its end and has what one page has."""
    iam.create_user(UserName="pages", Tags=[{"Key": key, "Value": ""} for key in "ab"])
    iam.create_group(GroupName="pages")
    iam.create_role(RoleName="pages", AssumeRolePolicyDocument=document(TRUSTED))
    policy = iam.create_policy(PolicyName="pages", PolicyDocument=document(LISTING))["Policy"]["Arn"]
    for name in ("a", "b"):
        iam.put_user_policy(UserName="pages", PolicyName=name, PolicyDocument=document(LISTING))
    iam.attach_user_policy(UserName="pages", PolicyArn=policy)
    named = {"UserName": "pages", "GroupName": "pages", "RoleName": "pages", "PolicyArn": policy}
    for operation in answered_in_pages(iam, named):
        shape = iam.meta.service_model.operation_model(operation).input_shape
        members = {name: named[name] for name in shape.members if name in named}
        below = {"PathPrefix": "/nowhere/"} if operation in {"ListUsers", "ListRoles", "ListPolicies"} else {}
        paginator = iam.get_paginator(xform_name(operation))
        one, many = (
            paginator.paginate(**members, **below, PaginationConfig={"PageSize": size}).build_full_result()
            for size in (1, 1_000)
        )
        assert one == many, operation


def answered_in_pages(iam: Any, named: Mapping[str, str]) -> Iterator[str]:
    """Those that need no other name than these, but for the whole account's, which has a test of its own."""
    for operation in sorted(SERVICE_OF):
        if SERVICE_OF[operation] == "iam" and iam.can_paginate(xform_name(operation)):
            shape = iam.meta.service_model.operation_model(operation).input_shape
            if set(shape.required_members) <= named.keys() and operation != "GetAccountAuthorizationDetails":
                yield operation


def test_errors_are_those_that_the_model_names(iam: Any) -> None:
    """Programs catch client.exceptions.X; the class, the code and the status are AWS's."""
    errors = iam.exceptions
    with pytest.raises(errors.NoSuchEntityException) as missing:
        iam.get_user(UserName="nobody-of-this-name")
    assert missing.value.response["Error"]["Code"] == "NoSuchEntity"
    assert missing.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404
    assert missing.value.response["ResponseMetadata"]["RetryAttempts"] == 0
    iam.create_user(UserName="once", Tags=[{"Key": "Team", "Value": "ops"}])
    with pytest.raises(errors.InvalidInputException):
        iam.tag_user(UserName="once", Tags=[{"Key": "aws:x", "Value": ""}])
    with pytest.raises(errors.NoSuchEntityException):
        iam.delete_user_permissions_boundary(UserName="once")
    with pytest.raises(errors.EntityAlreadyExistsException):
        iam.create_user(UserName="ONCE")
    with pytest.raises(errors.MalformedPolicyDocumentException):
        iam.create_policy(PolicyName="malformed", PolicyDocument="{")
    for _ in range(2):
        iam.create_access_key(UserName="once")
    with pytest.raises(errors.LimitExceededException):
        iam.create_access_key(UserName="once")
    with pytest.raises(errors.DeleteConflictException):
        iam.delete_user(UserName="once")


def test_what_the_client_checks_itself_does_not_arrive(iam: Any) -> None:
    """botocore knows required parameters and least lengths; the rest is the server's to check."""
    with pytest.raises(ParamValidationError):
        iam.get_user(UserName="")
    with pytest.raises(ClientError, match=r"\(ValidationError\).*userName"):
        iam.get_user(UserName="not/a/name")


@pytest.mark.parametrize("text", ["a\0b", "Ünïcödé 😀 <&>\"'", " line\nbreak\t", "]]>&amp;%00"])
def test_a_description_comes_back_as_it_went_or_is_refused(iam: Any, text: str) -> None:
    """A managed policy's description has no pattern in the model: what the server takes, it gives back unchanged."""
    allow = {"Effect": "Allow", "Action": "iam:GetUser", "Resource": "*"}
    name = "described-" + text.encode().hex()
    try:
        made = iam.create_policy(PolicyName=name, PolicyDocument=document(allow), Description=text)["Policy"]
    except ClientError as refused:
        assert refused.response["Error"]["Code"] in {"ValidationError", "InvalidInput"}  # noqa: PT017  one of two outcomes
    else:
        assert iam.get_policy(PolicyArn=made["Arn"])["Policy"]["Description"] == text


def test_a_profile_assumes_a_role_by_itself(
    server: Server, session: boto3.Session, iam: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """role_arn and source_profile in a config file: botocore's AssumeRoleProvider calls STS, and the role's permissions
    are what counts."""
    sts = session.client("sts", endpoint_url=server.endpoint, config=RETRYING)
    account = sts.get_caller_identity()["Account"]
    sts.close()
    trust = {"Effect": "Allow", "Principal": {"AWS": account}, "Action": "sts:AssumeRole"}
    arn = iam.create_role(RoleName="profiled", AssumeRolePolicyDocument=document(trust))["Role"]["Arn"]
    allow = {"Effect": "Allow", "Action": "iam:GetRole", "Resource": "*"}
    iam.put_role_policy(RoleName="profiled", PolicyName="reading", PolicyDocument=document(allow))
    key = administrator(server)
    config = tmp_path / "config"
    config.write_text(
        f"[profile base]\naws_access_key_id={key.access_key}\naws_secret_access_key={key.secret_key}\n"
        f"region=eu-central-1\nendpoint_url={server.endpoint}\n"
        f"[profile deploy]\nrole_arn={arn}\nsource_profile=base\nrole_session_name=from-profile\n"
        f"region=eu-central-1\nendpoint_url={server.endpoint}\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    assumed = boto3.Session(profile_name="deploy")
    client = assumed.client("iam")
    who = assumed.client("sts")
    try:
        assert client.get_role(RoleName="profiled")["Role"]["Arn"] == arn
        assert who.get_caller_identity()["Arn"] == f"arn:aws:sts::{account}:assumed-role/profiled/from-profile"
        with pytest.raises(ClientError, match="AccessDenied"):
            client.list_users()
    finally:
        client.close()
        who.close()


@pytest.mark.parametrize("callers", [20])
def test_of_many_who_want_a_name_one_gets_it(iam: Any, callers: int) -> None:
    """Twenty threads create the same user at once: one success, and the others are told that it exists."""
    ready = Barrier(callers)

    def create(_number: int) -> str:
        ready.wait()
        try:
            return str(iam.create_user(UserName="wanted")["User"]["UserId"])
        except iam.exceptions.EntityAlreadyExistsException:
            return "exists"

    with ThreadPoolExecutor(callers) as threads:
        outcomes = list(threads.map(create, range(callers)))
    assert outcomes.count("exists") == callers - 1
    assert iam.get_user(UserName="wanted")["User"]["UserId"] in outcomes


def test_passwords(server: Server, iam: Any) -> None:
    """A person's password from its first day: set to be reset, changed by its owner alone, under the account's policy,
    with the errors that boto3 has classes for; and gone before the person is."""
    refused = iam.exceptions
    with pytest.raises(refused.NoSuchEntityException):
        iam.get_account_password_policy()
    iam.create_user(UserName="petra")
    key = iam.create_access_key(UserName="petra")["AccessKey"]
    with pytest.raises(refused.PasswordPolicyViolationException):
        iam.create_login_profile(UserName="petra", Password="onlylowercase")
    profile = iam.create_login_profile(UserName="petra", Password="Correct-Horse-1", PasswordResetRequired=True)
    assert profile["LoginProfile"]["PasswordResetRequired"]
    with pytest.raises(refused.EntityAlreadyExistsException):
        iam.create_login_profile(UserName="petra", Password="Correct-Horse-1")
    iam.update_account_password_policy(
        MinimumPasswordLength=14, AllowUsersToChangePassword=True, PasswordReusePrevention=24
    )
    petra = boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name="eu-central-1")
    own = petra.client("iam", endpoint_url=server.endpoint, config=RETRYING)
    try:
        policy = own.get_account_password_policy()["PasswordPolicy"]
        assert (policy["MinimumPasswordLength"], policy["ExpirePasswords"]) == (14, False)
        for same_or_short in ("Correct-Horse-1", "Short-1"):
            with pytest.raises(own.exceptions.PasswordPolicyViolationException):
                own.change_password(OldPassword="Correct-Horse-1", NewPassword=same_or_short)
        own.change_password(OldPassword="Correct-Horse-1", NewPassword="Battery-Staple-2")
        assert not iam.get_login_profile(UserName="petra")["LoginProfile"]["PasswordResetRequired"]
        with pytest.raises(ClientError, match=r"AccessDenied.*The old password was incorrect"):
            own.change_password(OldPassword="Correct-Horse-1", NewPassword="Quite-Another-3")
    finally:
        own.close()
        iam.delete_account_password_policy()
    iam.update_login_profile(UserName="petra", Password="Quite-Another-3")
    iam.delete_access_key(UserName="petra", AccessKeyId=key["AccessKeyId"])
    with pytest.raises(refused.DeleteConflictException):
        iam.delete_user(UserName="petra")
    iam.delete_login_profile(UserName="petra")
    iam.delete_user(UserName="petra")


def test_simulations(iam: Any) -> None:
    """What a user may do is simulated on the running server, in pages of one action, with each matched statement in
    its place; the keys that the policies ask for are told beforehand."""
    user = iam.create_user(UserName="simulated")["User"]["Arn"]
    policy = document({"Effect": "Allow", "Action": "s3:Get*", "Resource": "arn:aws:s3:::b/${aws:username}/*"})
    iam.put_user_policy(UserName="simulated", PolicyName="own", PolicyDocument=policy)
    assert iam.get_context_keys_for_principal_policy(PolicySourceArn=user)["ContextKeyNames"] == ["aws:username"]
    found = iam.get_paginator("simulate_principal_policy").paginate(
        PolicySourceArn=user,
        ActionNames=["s3:GetObject", "s3:PutObject"],
        ResourceArns=["arn:aws:s3:::b/simulated/x"],
        PaginationConfig={"PageSize": 1},
    )
    results = found.build_full_result()["EvaluationResults"]
    assert [result["EvalDecision"] for result in results] == ["allowed", "implicitDeny"]
    (matched,) = results[0]["ResourceSpecificResults"][0]["MatchedStatements"]
    begin, end = matched["StartPosition"]["Column"], matched["EndPosition"]["Column"]
    assert json.loads(policy[begin - 1 : end - 1])["Action"] == "s3:Get*"
