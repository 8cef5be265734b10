"""The JavaScript SDK v3 as a process of its own: users, keys, typed errors, pages, a role's session."""

import fcntl
import json
import os
import shutil
import subprocess
import textwrap
from pathlib import Path

import pytest

from tests.clients.raw_http import administrator
from tests.clients.server import Server
from tests.services.endpoint import SERVICE_OF

SDK_VERSION = "3.1169.0"
PACKAGES = [f"@aws-sdk/client-{service}@{SDK_VERSION}" for service in ("iam", "sts")]
INSTALL_SECONDS_MAX = 120
RUN_SECONDS_MAX = 60

PROGRAM = textwrap.dedent("""
    const { IAMClient, CreateUserCommand, GetUserCommand, CreateAccessKeyCommand, CreateRoleCommand,
            ListAccessKeysCommand, paginateListUsers, waitUntilUserExists, NoSuchEntityException,
            EntityAlreadyExistsException, CreatePolicyCommand, GetPolicyVersionCommand, AttachRolePolicyCommand,
            DeleteRoleCommand, TagRoleCommand, ListRoleTagsCommand, paginateListAttachedRolePolicies,
            waitUntilRoleExists, waitUntilPolicyExists, waitUntilInstanceProfileExists, CreateInstanceProfileCommand,
            DeleteInstanceProfileCommand, MalformedPolicyDocumentException, DeleteConflictException
          } = require("@aws-sdk/client-iam");
    const { STSClient, GetCallerIdentityCommand, AssumeRoleCommand, GetSessionTokenCommand, GetAccessKeyInfoCommand
          } = require("@aws-sdk/client-sts");

    const at = (credentials) => ({ endpoint: process.env.ENDPOINT, region: "eu-central-1", credentials });
    const held = (given) => ({ accessKeyId: given.AccessKeyId, secretAccessKey: given.SecretAccessKey,
                               sessionToken: given.SessionToken });
    const refusal = async (promise) => { try { await promise; return null; } catch (error) { return error; } };

    (async () => {
      const key = { accessKeyId: process.env.KEY_ID, secretAccessKey: process.env.SECRET };
      const iam = new IAMClient(at(key)), sts = new STSClient(at(key));
      const said = {};
      said.identity = await sts.send(new GetCallerIdentityCommand({}));
      for (const name of ["node-a", "node-b", "node-c"])
        await iam.send(new CreateUserCommand({ UserName: name, Path: "/node/" }));
      await waitUntilUserExists({ client: iam, maxWaitTime: 30 }, { UserName: "node-a" });
      said.created = (await iam.send(new GetUserCommand({ UserName: "node-a" }))).User.CreateDate instanceof Date;
      said.pages = [];
      for await (const page of paginateListUsers({ client: iam, pageSize: 2 }, { PathPrefix: "/node/" }))
        said.pages.push(page.Users.map((user) => user.UserName));
      const missing = await refusal(iam.send(new GetUserCommand({ UserName: "node-nobody" })));
      said.missing = [missing instanceof NoSuchEntityException, missing.$metadata.httpStatusCode];
      const twice = await refusal(iam.send(new CreateUserCommand({ UserName: "node-a" })));
      said.twice = twice instanceof EntityAlreadyExistsException;
      const made = (await iam.send(new CreateAccessKeyCommand({ UserName: "node-a" }))).AccessKey;
      const own = new IAMClient(at(held(made)));
      said.denied = (await refusal(own.send(new ListAccessKeysCommand({})))).name;
      const statement = { Effect: "Allow", Principal: { AWS: said.identity.Account }, Action: "sts:AssumeRole" };
      const trust = JSON.stringify({ Version: "2012-10-17", Statement: [statement] });
      const role = await iam.send(new CreateRoleCommand({ RoleName: "node", AssumeRolePolicyDocument: trust }));
      const request = { RoleArn: role.Role.Arn, RoleSessionName: "from-node" };
      const session = await sts.send(new AssumeRoleCommand(request));
      const assumed = new STSClient(at(held(session.Credentials)));
      said.assumed = (await assumed.send(new GetCallerIdentityCommand({}))).Arn;
      const wait = { client: iam, maxWaitTime: 30 };
      await waitUntilRoleExists(wait, { RoleName: "node" });
      const allowed = { Effect: "Allow", Action: "s3:GetObject", Resource: "*" };
      const document = JSON.stringify({ Version: "2012-10-17", Statement: [allowed] });
      const policies = [];
      for (const name of ["node-p", "node-q"])
        policies.push((await iam.send(new CreatePolicyCommand({ PolicyName: name, PolicyDocument: document }))).Policy);
      for (const { Arn } of policies) {
        await waitUntilPolicyExists(wait, { PolicyArn: Arn });
        await iam.send(new AttachRolePolicyCommand({ RoleName: "node", PolicyArn: Arn }));
      }
      said.attached = [];
      for await (const page of paginateListAttachedRolePolicies({ client: iam, pageSize: 1 }, { RoleName: "node" }))
        said.attached.push(page.AttachedPolicies.map((policy) => policy.PolicyName));
      const version = await iam.send(new GetPolicyVersionCommand({ PolicyArn: policies[0].Arn, VersionId: "v1" }));
      said.document = decodeURIComponent(version.PolicyVersion.Document) === document;
      await iam.send(new TagRoleCommand({ RoleName: "node", Tags: [{ Key: "team", Value: "ops" }] }));
      said.tags = (await iam.send(new ListRoleTagsCommand({ RoleName: "node" }))).Tags;
      const malformed = new CreatePolicyCommand({ PolicyName: "node-r", PolicyDocument: "{" });
      said.malformed = (await refusal(iam.send(malformed))) instanceof MalformedPolicyDocumentException;
      const inUse = await refusal(iam.send(new DeleteRoleCommand({ RoleName: "node" })));
      said.inUse = inUse instanceof DeleteConflictException;
      said.session = typeof (await sts.send(new GetSessionTokenCommand({}))).Credentials.SessionToken;
      said.owner = (await sts.send(new GetAccessKeyInfoCommand({ AccessKeyId: made.AccessKeyId }))).Account;
      if (process.env.ANSWERED.split(" ").includes("CreateInstanceProfile")) {
        const profile = { InstanceProfileName: "node" };
        await iam.send(new CreateInstanceProfileCommand(profile));
        await waitUntilInstanceProfileExists(wait, profile);
        await iam.send(new DeleteInstanceProfileCommand(profile));
      }
      const forged = { ...held(session.Credentials), sessionToken: "forged" };
      said.forged = (await refusal(new STSClient(at(forged)).send(new GetCallerIdentityCommand({})))).name;
      console.log(JSON.stringify(said));
    })().catch((error) => { console.error(error); process.exit(1); });
""")


@pytest.fixture(scope="module")
def sdk() -> Path:
    """A directory in which `require` finds the SDK: installed once for all runs of the tests, by npm."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("node and npm are not on this machine")
    place = Path.home() / ".cache" / "muniment-tests" / "node" / SDK_VERSION
    place.mkdir(parents=True, exist_ok=True)
    with (place / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (place / "installed").exists():
            _install(npm, place)
            (place / "installed").touch()
    return place


def _install(npm: str, place: Path) -> None:
    command = [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(place), *PACKAGES]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=INSTALL_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm did not install the SDK within {INSTALL_SECONDS_MAX} seconds")
    if done.returncode != 0:
        pytest.skip(f"npm could not install the SDK: {done.stderr[-500:]}")


def test_the_javascript_sdk_is_served(server: Server, sdk: Path) -> None:
    """What a program in JavaScript sees of users, pages, waiters, errors and sessions is what AWS would show it."""
    key = administrator(server)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": "/nonexistent",
        "NODE_PATH": str(sdk / "node_modules"),
        "ENDPOINT": server.endpoint,
        "KEY_ID": key.access_key,
        "SECRET": key.secret_key,
        "ANSWERED": " ".join(SERVICE_OF),
    }
    command = ["node", "--eval", PROGRAM]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=RUN_SECONDS_MAX, cwd=sdk
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    account = said["identity"]["Account"]
    assert said["identity"]["Arn"] == f"arn:aws:iam::{account}:user/admin"
    assert said["created"] is True
    assert said["pages"] == [["node-a", "node-b"], ["node-c"]]
    assert said["missing"] == [True, 404]
    assert said["twice"] is True
    assert said["denied"] == "AccessDenied"
    assert said["assumed"] == f"arn:aws:sts::{account}:assumed-role/node/from-node"
    assert said["attached"] == [["node-p"], ["node-q"]]
    assert said["tags"] == [{"Key": "team", "Value": "ops"}]
    assert [said[each] for each in ("document", "malformed", "inUse")] == [True, True, True]
    assert (said["session"], said["owner"]) == ("string", account)
    assert said["forged"] == "InvalidClientTokenId"
