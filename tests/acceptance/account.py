"""The account that is looked at: good and bad things for every check that Prowler and we both have.

Two moments of its past are looked at besides the present: early, when little was in order, and yesterday.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from tests.acceptance.stage import Stage, staging
from tests.saml import saml_metadata
from tests.services.contacts import CONTACT_INFORMATION
from tests.services.endpoint import Statement, allow, document, trusting
from tests.services.iam.certificates import certificate

PAST = {"early": 60, "yesterday": 0.5}
"""Days before the end of the story."""
_AWS = "arn:aws:iam::aws:policy/"
ADMINISTRATOR, READ_ONLY = _AWS + "AdministratorAccess", _AWS + "ReadOnlyAccess"
AUDIT, SUPPORT, SHELL = _AWS + "SecurityAudit", _AWS + "AWSSupportAccess", _AWS + "AWSCloudShellFullAccess"
STRANGER = "210987654321"
READ = allow("s3:GetObject", "arn:aws:s3:::reports/*")
POLICIES: dict[str, Statement] = {
    "reading": READ,
    "spare-reading": READ,
    "everything": allow(),
    "spare-everything": allow(),
    "mended": allow(),
    "listed": {"Effect": "Allow", "Action": ["s3:GetObject", "*"], "Resource": ["arn:aws:s3:::a", "*"]},
    "with-mfa": allow(Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}}),
    "all-but-iam": {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"},
    "all-but-one": {"Effect": "Allow", "NotAction": "iam:DeleteUser", "Resource": "*"},
    "all-of-s3": allow("s3:*"),
    "on-one-bucket": allow("*", "arn:aws:s3:::reports"),
}
UNATTACHED = {"spare-reading", "spare-everything"}


@contextmanager
def audited(data: Path, framework: Mapping[str, object]) -> Iterator[Stage]:
    """After the story; a server may go on with it. The account has adopted the framework at its beginning."""
    with staging(data, 200) as stage:
        stage.days_ago(200)
        _founded(stage)
        stage.adopts(framework)
        for days, chapter in ((150, _early), (40, _mended), (0.3, _today)):
            stage.days_ago(days)
            chapter(stage)
        yield stage


def _founded(stage: Stage) -> None:
    """An administrator, who does everything from here on."""
    iam = stage.client("iam", "root")
    iam.create_group(GroupName="admins")
    iam.attach_group_policy(GroupName="admins", PolicyArn=ADMINISTRATOR)
    iam.create_user(UserName="admin")
    iam.add_user_to_group(GroupName="admins", UserName="admin")
    stage.makes_key("admin", by="root")
    stage.gives_root_a_password()


def _early(stage: Stage) -> None:
    iam = stage.client("iam")
    for name in ("bob", "cat", "dan", "eve", "fay", "gus", "hal", "ida", "jon", "kim", "lou"):
        iam.create_user(UserName=name)
    for name in ("bob", "cat"):
        iam.create_login_profile(UserName=name, Password="correct-Horse-7-battery")
    stage.enables_mfa("cat")
    stage.makes_key("eve")
    stage.makes_key("eve")
    iam.update_access_key(UserName="lou", AccessKeyId=stage.makes_key("lou"), Status="Inactive")
    _policies(stage)
    _groups(stage)
    _roles(stage)
    for name, expires in (("expired", 100), ("expiring", 5), ("valid", -300)):
        ends = stage.now - timedelta(days=expires)
        made = certificate(name, begins=stage.now - timedelta(days=365), ends=ends)
        iam.upload_server_certificate(ServerCertificateName=name, CertificateBody=made.body, PrivateKey=made.key)
    iam.put_user_policy(UserName="gus", PolicyName="reads", PolicyDocument=document(READ))
    iam.attach_user_policy(UserName="fay", PolicyArn=stage.arn("policy/reading"))
    stage.days_ago(100)
    stage.makes_key("ida")
    stage.days_ago(85)
    stage.makes_key("jon")
    stage.days_ago(70)
    stage.uses_key("ida")
    stage.days_ago(50)
    stage.makes_key("kim")


def _policies(stage: Stage) -> None:
    iam = stage.client("iam")
    for name, statement in POLICIES.items():
        iam.create_policy(PolicyName=name, PolicyDocument=document(statement))
        if name not in UNATTACHED:
            trust = document(trusting(stage.account_id))
            iam.create_role(RoleName=f"has-{name}", AssumeRolePolicyDocument=trust)
            iam.attach_role_policy(RoleName=f"has-{name}", PolicyArn=stage.arn(f"policy/{name}"))


def _groups(stage: Stage) -> None:
    iam = stage.client("iam")
    for name in ("devs", "ops", "empty"):
        iam.create_group(GroupName=name)
    iam.attach_group_policy(GroupName="ops", PolicyArn=ADMINISTRATOR)
    iam.attach_group_policy(GroupName="devs", PolicyArn=SHELL)
    iam.put_group_policy(GroupName="devs", PolicyName="reads", PolicyDocument=document(READ))
    iam.put_group_policy(GroupName="empty", PolicyName="all", PolicyDocument=document(allow()))
    for user, group in (("bob", "ops"), ("cat", "ops"), ("dan", "devs"), ("eve", "devs")):
        iam.add_user_to_group(UserName=user, GroupName=group)


def _roles(stage: Stage) -> None:
    iam = stage.client("iam")
    own, service = trusting(stage.account_id), {**trusting(), "Principal": {"Service": "ec2.amazonaws.com"}}
    for name, trust, policy in (
        ("breakglass", own, ADMINISTRATOR),
        ("jenkins", service, ADMINISTRATOR),
        ("partner", trusting(STRANGER), READ_ONLY),
        ("web", service, None),
    ):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(trust))
        if policy:
            iam.attach_role_policy(RoleName=name, PolicyArn=policy)
    iam.create_role(RoleName="inline", AssumeRolePolicyDocument=document(own))
    iam.put_role_policy(RoleName="inline", PolicyName="all", PolicyDocument=document(allow()))
    iam.put_role_policy(RoleName="inline", PolicyName="reads", PolicyDocument=document(READ))
    iam.create_service_linked_role(AWSServiceName="support.amazonaws.com")


def _mended(stage: Stage) -> None:
    """Some of it, and something else has come."""
    iam = stage.client("iam")
    stage.enables_mfa("bob")
    stage.enables_mfa()
    iam.create_role(RoleName="support", AssumeRolePolicyDocument=document(trusting(stage.account_id)))
    iam.attach_role_policy(RoleName="support", PolicyArn=SUPPORT)
    iam.update_account_password_policy(
        MinimumPasswordLength=14, RequireLowercaseCharacters=True, RequireNumbers=True, PasswordReusePrevention=5
    )
    iam.create_login_profile(UserName="dan", Password="correct-Horse-7-battery")
    stage.makes_key("dan")
    iam.detach_user_policy(UserName="fay", PolicyArn=stage.arn("policy/reading"))
    iam.attach_user_policy(UserName="hal", PolicyArn=ADMINISTRATOR)
    iam.detach_group_policy(GroupName="ops", PolicyArn=ADMINISTRATOR)
    iam.detach_group_policy(GroupName="devs", PolicyArn=SHELL)
    iam.detach_role_policy(RoleName="has-everything", PolicyArn=stage.arn("policy/everything"))
    iam.create_policy_version(PolicyArn=stage.arn("policy/mended"), PolicyDocument=document(READ), SetAsDefault=True)
    iam.create_saml_provider(Name="login", SAMLMetadataDocument=saml_metadata())
    stage.client("accessanalyzer").create_analyzer(analyzerName="external", type="ACCOUNT")
    unused = stage.client("accessanalyzer", region="eu-central-1")
    unused.create_analyzer(analyzerName="unused", type="ACCOUNT_UNUSED_ACCESS")
    account = stage.client("account")
    account.put_contact_information(ContactInformation=CONTACT_INFORMATION)
    _names(stage, "SECURITY")
    stage.organizes(stage.account_id)
    _auditor(stage)
    stage.days_ago(2)
    stage.uses_key("jon")
    stage.uses_key("eve")
    stage.days_ago(0.6)
    stage.uses_key("root")


def _names(stage: Stage, kind: str) -> None:
    """A contact of the kind, like no other."""
    stage.client("account").put_alternate_contact(
        AlternateContactType=kind,
        EmailAddress=f"{kind.lower()}@example.com",
        Name=f"{kind.title()} Desk",
        PhoneNumber=f"+49301234{len(kind)}",
        Title="Desk",
    )


def _today(stage: Stage) -> None:
    iam = stage.client("iam")
    iam.update_account_password_policy(
        MinimumPasswordLength=16,
        RequireLowercaseCharacters=True,
        RequireUppercaseCharacters=True,
        RequireNumbers=True,
        RequireSymbols=True,
        PasswordReusePrevention=24,
        MaxPasswordAge=90,
    )
    for key in iam.list_access_keys(UserName="dan")["AccessKeyMetadata"]:
        iam.delete_access_key(UserName="dan", AccessKeyId=key["AccessKeyId"])
    iam.create_role(RoleName="audit", AssumeRolePolicyDocument=document(trusting(stage.account_id)))
    iam.attach_role_policy(RoleName="audit", PolicyArn=AUDIT)
    iam.enable_organizations_root_credentials_management()
    stage.client("accessanalyzer", region="eu-central-1").create_analyzer(analyzerName="external", type="ACCOUNT")
    for kind in ("BILLING", "OPERATIONS"):
        _names(stage, kind)
    stage.client("iam", "root").delete_access_key(AccessKeyId=stage.keys["root"].access_key)


def _auditor(stage: Stage) -> None:
    """Whom Prowler runs as. It asks for AWS's two policies and some actions besides (Prowler's documentation, "AWS
    Provider Authentication"), and looking into the past takes one here."""
    iam = stage.client("iam")
    iam.create_user(UserName="auditor")
    iam.create_group(GroupName="auditors")
    iam.add_user_to_group(UserName="auditor", GroupName="auditors")
    for name in ("SecurityAudit", "job-function/ViewOnlyAccess"):
        iam.attach_group_policy(GroupName="auditors", PolicyArn=_AWS + name)
    more = document(allow("account:Get*"), allow("muniment:TimeTravel"))
    iam.put_group_policy(GroupName="auditors", PolicyName="more", PolicyDocument=more)
    stage.makes_key("auditor")
    stage.uses_key("auditor")
