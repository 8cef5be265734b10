"""The real Terraform with the provider for AWS: every resource of IAM that the server answers is applied, planned again
without a change, changed, imported and destroyed."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.clients.raw_http import administrator
from tests.clients.server import Server, running_server
from tests.services.endpoint import SERVICE_OF
from tests.services.iam.scene import certificate_pem, private_key_pem, saml_metadata, ssh_public_key

RUN_SECONDS_MAX = 300
CONFIGURATION = "TF_CLI_CONFIG_FILE"
"""Terraform's own variable for where its configuration is, which names the mirror that has the provider."""

HEAD = """
terraform {
  required_providers { aws = { source = "hashicorp/aws" } }
}
provider "aws" {
  region                  = "eu-central-1"
  skip_metadata_api_check = true
}
variable "changed" { default = "no" }
data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["ec2.amazonaws.com"]
    }
  }
}
data "aws_iam_policy_document" "reading" {
  statement {
    actions   = ["s3:GetObject", var.changed == "no" ? "s3:ListBucket" : "s3:PutObject"]
    resources = ["*"]
  }
}
"""
READING = "policy = data.aws_iam_policy_document.reading.json"
TAGS = "tags = { changed = var.changed }"

Attributes = Mapping[str, Any]
ImportId = Callable[[Attributes], str]


def attribute(name: str) -> ImportId:
    return lambda found: str(found[name])


def joined(separator: str, *names: str) -> ImportId:
    return lambda found: separator.join(str(found[name]) for name in names)


class Resource(NamedTuple):
    kind: str
    """Without aws_iam_."""
    body: str
    imported_by: ImportId | None
    """None where the provider imports none."""
    needs: str = "CreateUser"
    """Switched on when the server answers this operation."""


HOLDERS = ("user", "group", "role")
OF_HOLDERS = tuple(
    resource
    for kind in HOLDERS
    for resource in (
        Resource(f"{kind}_policy", f'name = "inline"\n{kind} = aws_iam_{kind}.it.name\n{READING}', attribute("id")),
        Resource(
            f"{kind}_policy_attachment",
            f"{kind} = aws_iam_{kind}.it.name\npolicy_arn = aws_iam_policy.it.arn",
            joined("/", kind, "policy_arn"),
        ),
    )
)
RESOURCES = (
    *OF_HOLDERS,
    Resource("user", f'name = "tf"\npath = var.changed == "no" ? "/a/" : "/b/"\n{TAGS}', attribute("name")),
    Resource("group", 'name = var.changed == "no" ? "tf" : "tf-renamed"', attribute("name")),
    Resource(
        "role",
        'name = "tf"\nassume_role_policy = data.aws_iam_policy_document.trust.json\ndescription = var.changed\n'
        f'max_session_duration = var.changed == "no" ? 3600 : 7200\n{TAGS}',
        attribute("name"),
    ),
    Resource("policy", f'name = "tf"\n{READING}\n{TAGS}', attribute("arn")),
    Resource("access_key", 'user = aws_iam_user.it.name\nstatus = var.changed == "no" ? "Active" : "Inactive"', None),
    Resource("user_login_profile", "user = aws_iam_user.it.name\npassword_length = 24", None),
    Resource(
        "user_group_membership",
        "user = aws_iam_user.it.name\ngroups = [aws_iam_group.it.name]",
        lambda found: "/".join([found["user"], *found["groups"]]),
    ),
    Resource("account_alias", 'account_alias = "tf-${var.changed}"', attribute("account_alias")),
    Resource(
        "account_password_policy",
        'minimum_password_length = var.changed == "no" ? 12 : 14\nallow_users_to_change_password = true',
        lambda _found: "iam-account-password-policy",
    ),
    Resource(
        "instance_profile",
        f'name = "tf"\nrole = aws_iam_role.it.name\n{TAGS}',
        attribute("name"),
        "CreateInstanceProfile",
    ),
    Resource(
        "openid_connect_provider",
        'url = "https://oidc.example.org"\nclient_id_list = var.changed == "no" ? ["one"] : ["one", "two"]\n'
        f'thumbprint_list = ["{"a" * 40}"]\n{TAGS}',
        attribute("arn"),
        "CreateOpenIDConnectProvider",
    ),
    Resource(
        "saml_provider",
        f'name = "tf"\nsaml_metadata_document = file("saml.xml")\n{TAGS}',
        attribute("arn"),
        "CreateSAMLProvider",
    ),
    Resource(
        "server_certificate",
        f'name = "tf"\ncertificate_body = file("certificate.pem")\nprivate_key = file("key.pem")\n{TAGS}',
        None,
        "UploadServerCertificate",
    ),
    Resource(
        "service_linked_role",
        f'aws_service_name = "autoscaling.amazonaws.com"\ndescription = var.changed\n{TAGS}',
        attribute("arn"),
        "CreateServiceLinkedRole",
    ),
    Resource(
        "service_specific_credential",
        'service_name = "codecommit.amazonaws.com"\nuser_name = aws_iam_user.it.name\n'
        'status = var.changed == "no" ? "Active" : "Inactive"',
        joined(":", "service_name", "user_name", "service_specific_credential_id"),
        "CreateServiceSpecificCredential",
    ),
    Resource(
        "signing_certificate",
        'user_name = aws_iam_user.it.name\ncertificate_body = file("certificate.pem")\n'
        'status = var.changed == "no" ? "Active" : "Inactive"',
        joined(":", "certificate_id", "user_name"),
        "UploadSigningCertificate",
    ),
    Resource(
        "user_ssh_key",
        'username = aws_iam_user.it.name\nencoding = "SSH"\npublic_key = trimspace(file("key.pub"))\n'
        'status = var.changed == "no" ? "Active" : "Inactive"',
        joined(":", "username", "ssh_public_key_id", "encoding"),
        "UploadSSHPublicKey",
    ),
    Resource(
        "virtual_mfa_device", f'virtual_mfa_device_name = "tf"\n{TAGS}', attribute("arn"), "CreateVirtualMFADevice"
    ),
    Resource(
        "security_token_service_preferences",
        'global_endpoint_token_version = var.changed == "no" ? "v1Token" : "v2Token"',
        None,
        "SetSecurityTokenServicePreferences",
    ),
)
ANSWERED = [each for each in RESOURCES if each.needs in SERVICE_OF]


class Terraform:
    def __init__(self, place: Path, server: Server) -> None:
        key = administrator(server)
        self.place = place
        self.environment = server.credentials(key.access_key, key.secret_key) | {
            "PATH": os.environ["PATH"],
            "HOME": str(place),
            CONFIGURATION: os.environ[CONFIGURATION],
            "CHECKPOINT_DISABLE": "1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "TF_IN_AUTOMATION": "1",
        }

    def does(self, *words: str) -> str:
        done = subprocess.run(
            ["terraform", *words],
            cwd=self.place,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=RUN_SECONDS_MAX,
        )
        assert done.returncode == 0, f"terraform {' '.join(words)}: {done.stdout[-6000:]}{done.stderr[-6000:]}"
        return done.stdout

    def resources(self) -> dict[str, Attributes]:
        shown = json.loads(self.does("show", "-json"))
        return {each["address"]: each["values"] for each in shown["values"]["root_module"]["resources"]}


@pytest.fixture
def terraform(tmp_path: Path) -> Iterator[Terraform]:
    if shutil.which("terraform") is None or not Path(os.environ.get(CONFIGURATION, "")).is_file():
        left_out = ", ".join(f"aws_iam_{each.kind}" for each in ANSWERED)
        pytest.skip(f"no terraform on the path, or {CONFIGURATION} names no mirror of its provider: {left_out}")
    files = {
        "main.tf": HEAD + "".join(f'resource "aws_iam_{each.kind}" "it" {{\n{each.body}\n}}\n' for each in ANSWERED),
        "saml.xml": saml_metadata(),
        "certificate.pem": certificate_pem(),
        "key.pem": private_key_pem(),
        "key.pub": ssh_public_key(),
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with running_server() as server:
        yield Terraform(tmp_path, server)


def test_every_resource_lives(terraform: Terraform) -> None:
    """Applied it stays as it is, changed too; forgotten it is found again by its id, and nothing is left of it."""
    terraform.does("init", "-no-color")
    terraform.does("apply", "-auto-approve", "-no-color")
    assert len(ANSWERED) == sum(address.startswith("aws_iam") for address in terraform.resources())
    terraform.does("plan", "-detailed-exitcode", "-no-color")
    changed = "-var=changed=yes"
    terraform.does("apply", "-auto-approve", "-no-color", "-refresh=false", changed)
    terraform.does("plan", "-detailed-exitcode", "-no-color", changed)
    found = terraform.resources()
    importable = [each for each in ANSWERED if each.imported_by is not None]
    blocks = ""
    for each in importable:
        assert each.imported_by is not None
        address = f"aws_iam_{each.kind}.it"
        blocks += f'import {{\n  to = {address}\n  id = "{each.imported_by(found[address])}"\n}}\n'
    (terraform.place / "imports.tf").write_text(blocks)
    terraform.does("state", "rm", *(f"aws_iam_{each.kind}.it" for each in importable))
    told = terraform.does("apply", "-auto-approve", "-no-color", changed)
    assert f"{len(importable)} imported, 0 added" in told, told[-3000:]
    assert ", 0 destroyed" in told
    (terraform.place / "imports.tf").unlink()
    terraform.does("destroy", "-auto-approve", "-no-color", "-refresh=false", changed)
    assert not terraform.does("state", "list")
