"""Ten policies of five statements with two conditions each, and 200 requests that touch every statement."""

import random
import re
from collections.abc import Iterator
from itertools import cycle, islice

from benchmarks.policy.rules import (
    Asked,
    Condition,
    Draw,
    Operator,
    Rule,
    Rules,
    Value,
    address,
    epoch_seconds,
    expression,
    failing,
    filled,
    fitting,
    word,
)

ACCOUNT_ID = "123456789012"
PRINCIPAL = f"arn:aws:iam::{ACCOUNT_ID}:role/workload"
REQUESTS = 200
ALLOWS_FITTING, ALLOWS_FAILING, DENIES_FITTING, DENIES_FAILING = 2, 2, 3, 1
"""Requests a statement of each effect, all of whose conditions hold, or one of whose conditions does not."""

_EQUALS, _NOT_EQUALS, _LIKE = Operator.STRING_EQUALS, Operator.STRING_NOT_EQUALS, Operator.STRING_LIKE
_LESS, _BEFORE, _AFTER = Operator.NUMERIC_LESS_THAN, Operator.DATE_LESS_THAN, Operator.DATE_GREATER_THAN
_BOOL, _FROM, _NOT_FROM = Operator.BOOL, Operator.IP_ADDRESS, Operator.NOT_IP_ADDRESS
_ANY = Operator.ANY_STRING_EQUALS

_OFFICE = Condition(_FROM, "aws:SourceIp", ("10.1.0.0/16", "10.2.0.0/16"))
_BUILD = Condition(_FROM, "aws:SourceIp", ("10.64.0.0/12",))
_FOREIGN = Condition(_NOT_FROM, "aws:SourceIp", ("10.0.0.0/8",))
_MFA = Condition(_BOOL, "aws:MultiFactorAuthPresent", ("true",))
_NO_MFA = Condition(_BOOL, "aws:MultiFactorAuthPresent", ("false",))
_TLS = Condition(_BOOL, "aws:SecureTransport", ("true",))
_NO_TLS = Condition(_BOOL, "aws:SecureTransport", ("false",))
_THIS_YEAR = Condition(_BEFORE, "aws:CurrentTime", ("2026-12-31T23:59:59Z",))
_SINCE_LAUNCH = Condition(_AFTER, "aws:CurrentTime", ("2026-03-01T00:00:00Z",))
_FROZEN = Condition(_AFTER, "aws:CurrentTime", ("2028-01-01T00:00:00Z",))
_TEAM = Condition(_EQUALS, "aws:PrincipalTag/team", ("payments", "ledger", "risk"))
_DATA_TEAMS = Condition(_LIKE, "aws:PrincipalTag/team", ("data-*",))
_DEVELOPMENT = Condition(_EQUALS, "aws:ResourceTag/stage", ("development", "test"))
_PRODUCTION = Condition(_EQUALS, "aws:ResourceTag/stage", ("production",))
_NOT_PLATFORM = Condition(_NOT_EQUALS, "aws:PrincipalTag/team", ("platform",))
_COST = Condition(_LIKE, "aws:RequestTag/cost-center", ("eu-*", "us-*"))
_PROTECTED = Condition(_ANY, "aws:TagKeys", ("owner", "retention"))
_AT_HOME = Condition(_EQUALS, "aws:RequestedRegion", ("eu-west-1", "eu-central-1"))
_ABROAD = Condition(_NOT_EQUALS, "aws:RequestedRegion", ("eu-west-1", "eu-central-1"))


def _allow(actions: str, resources: str, *conditions: Condition) -> Rule:
    return Rule("Allow", tuple(actions.split()), tuple(resources.split()), conditions)


def _deny(actions: str, resources: str, *conditions: Condition) -> Rule:
    return Rule("Deny", tuple(actions.split()), tuple(resources.split()), conditions)


def _arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:eu-west-1:{ACCOUNT_ID}:{resource}"


POLICIES: Rules = (
    (
        _allow("s3:GetObject s3:GetObjectVersion", "arn:aws:s3:::reports/* arn:aws:s3:::invoices/*", _TEAM, _TLS),
        _allow("s3:List*", "arn:aws:s3:::reports arn:aws:s3:::invoices", _OFFICE,
               Condition(_LIKE, "s3:prefix", ("public/*", "home/*"))),
        _allow("s3:Put*", "arn:aws:s3:::reports/incoming/*", _BUILD, Condition(_LESS, "s3:max-keys", ("1000",))),
        _deny("s3:Delete*", "arn:aws:s3:::reports/* arn:aws:s3:::invoices/*", _NO_MFA, _NOT_PLATFORM),
        _deny("s3:PutObject", "arn:aws:s3:::*", _NO_TLS,
              Condition(_NOT_EQUALS, "s3:x-amz-server-side-encryption", ("aws:kms",))),
    ),
    (
        _allow("ec2:Describe*", "*", _AT_HOME, _OFFICE),
        _allow("ec2:StartInstances ec2:StopInstances", _arn("ec2", "instance/*"), _DEVELOPMENT, _THIS_YEAR),
        _allow("ec2:RunInstances", _arn("ec2", "instance/*"), _COST,
               Condition(_LIKE, "ec2:InstanceType", ("t3.*", "m6i.*"))),
        _deny("ec2:Terminate* ec2:StopInstances", _arn("ec2", "instance/*"), _PRODUCTION, _NO_MFA),
        _deny("ec2:RunInstances", _arn("ec2", "instance/*"), _FROZEN,
              Condition(_EQUALS, "ec2:Tenancy", ("dedicated", "host"))),
    ),
    (
        _allow("dynamodb:GetItem dynamodb:BatchGetItem dynamodb:Query", _arn("dynamodb", "table/orders-*"),
               Condition(_ANY, "dynamodb:LeadingKeys", ("shared", "public")), _TLS),
        _allow("dynamodb:PutItem dynamodb:UpdateItem", _arn("dynamodb", "table/orders-*"), _TEAM, _SINCE_LAUNCH),
        _allow("dynamodb:Describe* dynamodb:List*", _arn("dynamodb", "table/*"), _OFFICE, _MFA),
        _allow("dynamodb:Scan", _arn("dynamodb", "table/archive-*"),
               Condition(_LESS, "dynamodb:PageSize", ("100",)), _DATA_TEAMS),
        _deny("dynamodb:Delete*", _arn("dynamodb", "table/*"), _NO_MFA, _PRODUCTION),
    ),
    (
        _allow("sqs:SendMessage", _arn("sqs", "orders-*"), _BUILD, _TEAM),
        _allow("sqs:ReceiveMessage sqs:DeleteMessage", _arn("sqs", "orders-*"), _TLS,
               Condition(_EQUALS, "aws:PrincipalOrgID", ("o-muniment1",))),
        _allow("sns:Publish", _arn("sns", "alerts-*"), _SINCE_LAUNCH,
               Condition(_LIKE, "aws:UserAgent", ("*Boto3/*", "aws-cli/*"))),
        _deny("sqs:PurgeQueue sqs:DeleteQueue", _arn("sqs", "*"), _NOT_PLATFORM, _PRODUCTION),
        _deny("sns:Subscribe", _arn("sns", "*"), Condition(_EQUALS, "sns:Protocol", ("http", "sms")), _NO_MFA),
    ),
    (
        _allow("lambda:InvokeFunction", _arn("lambda", "function:orders-*"), _TEAM, _AT_HOME),
        _allow("lambda:Get* lambda:List*", _arn("lambda", "function:*"), _OFFICE, _MFA),
        _allow("lambda:UpdateFunctionCode", _arn("lambda", "function:*-dev"), _BUILD, _DEVELOPMENT),
        _deny("lambda:AddPermission", _arn("lambda", "function:*"),
              Condition(_NOT_EQUALS, "lambda:Principal", ("events.amazonaws.com",)), _NOT_PLATFORM),
        _deny("lambda:Delete*", _arn("lambda", "function:*"), _PRODUCTION, _FROZEN),
    ),
    (
        _allow("kms:Decrypt kms:DescribeKey", _arn("kms", "key/*"), _TEAM,
               Condition(_LIKE, "kms:ViaService", ("s3.*.amazonaws.com", "sqs.*.amazonaws.com"))),
        _allow("kms:Encrypt kms:GenerateDataKey*", _arn("kms", "key/*"), _TLS,
               Condition(_EQUALS, "kms:EncryptionContext:tenant", ("blue", "green"))),
        _allow("secretsmanager:GetSecretValue", _arn("secretsmanager", "secret:orders/*"), _BUILD,
               Condition(_EQUALS, "secretsmanager:VersionStage", ("AWSCURRENT",))),
        _allow("secretsmanager:Describe* secretsmanager:List*", _arn("secretsmanager", "secret:*"), _OFFICE, _MFA),
        _deny("kms:ScheduleKeyDeletion kms:DisableKey", _arn("kms", "key/*"), _NOT_PLATFORM,
              Condition(_LESS, "kms:ScheduleKeyDeletionPendingWindowInDays", ("30",))),
    ),
    (
        _allow("iam:Get* iam:List*", "*", _MFA, _OFFICE),
        _allow("iam:PassRole", f"arn:aws:iam::{ACCOUNT_ID}:role/service/*", _TEAM,
               Condition(_EQUALS, "iam:PassedToService", ("lambda.amazonaws.com", "ec2.amazonaws.com"))),
        _allow("sts:AssumeRole", f"arn:aws:iam::{ACCOUNT_ID}:role/deploy-*", _BUILD,
               Condition(_LIKE, "sts:RoleSessionName", ("pipeline-*",))),
        _deny("iam:Create* iam:Attach*", "*", _PROTECTED, _NOT_PLATFORM),
        _deny("iam:DeleteRole iam:DeleteUser", f"arn:aws:iam::{ACCOUNT_ID}:role/* arn:aws:iam::{ACCOUNT_ID}:user/*",
              _FROZEN, _NO_MFA),
    ),
    (
        _allow("logs:PutLogEvents logs:CreateLogStream", _arn("logs", "log-group:/orders/*"), _TLS, _BUILD),
        _allow("logs:Get* logs:FilterLogEvents", _arn("logs", "log-group:*"), _DATA_TEAMS, _THIS_YEAR),
        _allow("cloudwatch:PutMetricData", "*", Condition(_LIKE, "cloudwatch:namespace", ("Orders/*",)), _TEAM),
        _deny("logs:Delete*", _arn("logs", "log-group:*"), _NOT_PLATFORM, _PROTECTED),
        _deny("cloudwatch:DisableAlarmActions cloudwatch:DeleteAlarms", _arn("cloudwatch", "alarm:*"), _PRODUCTION,
              _NOT_PLATFORM),
    ),
    (
        _allow("rds:Describe*", _arn("rds", "db:*"), _AT_HOME, _MFA),
        _allow("rds:CreateDBSnapshot", _arn("rds", "db:orders-*"), _COST, _SINCE_LAUNCH),
        _allow("rds:ModifyDBInstance", _arn("rds", "db:*-dev"), _DEVELOPMENT,
               Condition(_LESS, "rds:StorageSize", ("500",))),
        _allow("rds-db:connect", _arn("rds-db", "dbuser:*/reader"), _DATA_TEAMS, _TLS),
        _deny("rds:DeleteDBInstance", _arn("rds", "db:*"), _PROTECTED,
              Condition(_NOT_EQUALS, "aws:username", ("break-glass",))),
    ),
    (
        _deny("*", "*", _FOREIGN, Condition(_BOOL, "aws:ViaAWSService", ("false",))),
        _deny("*", "*", Condition(_BEFORE, "aws:TokenIssueTime", ("2026-01-01T00:00:00Z",)),
              Condition(_LIKE, "aws:PrincipalArn", (f"arn:aws:iam::{ACCOUNT_ID}:role/*",))),
        _deny("ec2:* rds:* lambda:*", "*", _ABROAD, _NOT_PLATFORM),
        _deny("iam:*", "*", _NO_MFA, Condition(_NOT_EQUALS, "aws:username", ("break-glass",))),
        _deny("s3:* sqs:* sns:*", "*", _NO_TLS, Condition(_EQUALS, "aws:PrincipalOrgID", ("o-muniment1",))),
    ),
)  # fmt: skip

ACTIONS = tuple(
    f"{service}:{name}"
    for service, names in {
        "s3": "GetObject GetObjectVersion ListBucket ListBucketVersions PutObject PutObjectTagging DeleteObject "
        "DeleteObjectVersion",
        "ec2": "DescribeInstances DescribeVolumes StartInstances StopInstances RunInstances TerminateInstances",
        "dynamodb": "GetItem BatchGetItem Query PutItem UpdateItem DescribeTable ListTagsOfResource Scan DeleteTable "
        "DeleteItem",
        "sqs": "SendMessage ReceiveMessage DeleteMessage PurgeQueue DeleteQueue",
        "sns": "Publish Subscribe",
        "lambda": "InvokeFunction GetFunction ListVersionsByFunction UpdateFunctionCode AddPermission DeleteFunction",
        "kms": "Decrypt DescribeKey Encrypt GenerateDataKey GenerateDataKeyPair ScheduleKeyDeletion DisableKey",
        "secretsmanager": "GetSecretValue DescribeSecret ListSecretVersionIds",
        "iam": "GetUser GetRole ListUsers PassRole CreateUser AttachRolePolicy DeleteRole DeleteUser",
        "sts": "AssumeRole",
        "logs": "PutLogEvents CreateLogStream GetLogEvents FilterLogEvents DeleteLogGroup",
        "cloudwatch": "PutMetricData DisableAlarmActions DeleteAlarms",
        "rds": "DescribeDBInstances CreateDBSnapshot ModifyDBInstance DeleteDBInstance",
        "rds-db": "connect",
    }.items()
    for name in names.split()
)
"""That requests are about; where an engine has no wildcards for actions, rules are about those of these that fit."""


def covered(rule: Rule) -> tuple[str, ...]:
    """The actions that a rule is about."""
    fits = re.compile("|".join(expression(pattern) for pattern in rule.actions)).match
    return tuple(action for action in ACTIONS if fits(action))


def requests(seed: int) -> list[Asked]:
    """The same questions with every seed, with other values that do not change the answers. Mixed as in life."""
    draw = random.Random(seed)  # noqa: S311  the same in every run
    asked = [request for policy in POLICIES for rule in policy for request in _about(draw, rule)]
    assert len(asked) == REQUESTS
    random.Random(0).shuffle(asked)  # noqa: S311  in the same order with every seed
    return asked


def _about(draw: Draw, rule: Rule) -> Iterator[Asked]:
    allows = rule.effect == "Allow"
    fits, fails = (ALLOWS_FITTING, ALLOWS_FAILING) if allows else (DENIES_FITTING, DENIES_FAILING)
    of_all = zip(cycle(covered(rule)), cycle(rule.resources), strict=False)
    for number, (action, pattern) in enumerate(islice(of_all, fits + fails)):
        values = _usual(draw)
        for condition in rule.conditions:
            values[condition.key] = fitting(draw, condition)
        if number >= fits:
            failed = rule.conditions[number % len(rule.conditions)]
            values[failed.key] = failing(draw, failed)
        service = action.partition(":")[0]
        yield Asked(action, filled(draw, _arn(service, "*") if pattern == "*" else pattern), values)


def _usual(draw: Draw) -> dict[str, Value]:
    """What every request has, with values of which no rule that denies is fond."""
    now = epoch_seconds("2026-06-15T09:00:00Z") + draw.randrange(86_400)
    return {
        "aws:SourceIp": address(draw, "10.200.0.0/16"),
        "aws:CurrentTime": now,
        "aws:TokenIssueTime": now - draw.randrange(1, 3_600),
        "aws:SecureTransport": True,
        "aws:MultiFactorAuthPresent": True,
        "aws:ViaAWSService": False,
        "aws:username": word(draw),
        "aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT_ID}:role/{word(draw)}",
        "aws:PrincipalOrgID": "o-muniment1",
        "aws:PrincipalTag/team": f"team-{word(draw)}",
        "aws:RequestedRegion": "eu-west-1",
        "aws:UserAgent": f"Terraform/{word(draw)}",
        "s3:x-amz-server-side-encryption": "aws:kms",
        "lambda:Principal": "events.amazonaws.com",
    }
