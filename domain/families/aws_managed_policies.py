"""The policies that AWS maintains, as far as this version of the program brings them along (docs/adr/0003).

Facts from the AWS Managed Policy Reference (https://docs.aws.amazon.com/aws-managed-policy/latest/reference/).
"""

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime

from domain.families.policies import CatalogueVersion
from domain.foundation.identifiers import arn


def _date(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _versions(partition: str) -> Iterator[CatalogueVersion]:
    def version(
        name: str, policy_id: str, description: str, created: str, number: int, updated: str, *statements: object
    ) -> CatalogueVersion:
        return CatalogueVersion(
            policy_id=policy_id,
            policy_arn=arn(partition, "iam", "aws", f"policy/{name}"),
            policy_name=name,
            path="/",
            description=description,
            created_at=_date(created),
            version=number,
            updated_at=_date(updated),
            document=json.dumps({"Version": "2012-10-17", "Statement": statements}),
        )

    yield version(
        "AdministratorAccess",
        "ANPAIWMBCKSKIEE64ZLYK",
        "Provides full access to AWS services and resources.",
        "2015-02-06T18:39:46",
        1,
        "2015-02-06T18:39:46",
        {"Effect": "Allow", "Action": "*", "Resource": "*"},
    )
    yield version(
        "IAMFullAccess",
        "ANPAI7XKCFMBPM3QQRRVQ",
        "Provides full access to IAM via the AWS Management Console.",
        "2015-02-06T18:40:38",
        2,
        "2019-06-21T19:40:00",
        {
            "Effect": "Allow",
            "Action": [
                "iam:*",
                "organizations:DescribeAccount",
                "organizations:DescribeOrganization",
                "organizations:DescribeOrganizationalUnit",
                "organizations:DescribePolicy",
                "organizations:ListChildren",
                "organizations:ListParents",
                "organizations:ListPoliciesForTarget",
                "organizations:ListRoots",
                "organizations:ListPolicies",
                "organizations:ListTargetsForPolicy",
            ],
            "Resource": "*",
        },
    )
    yield version(
        "IAMReadOnlyAccess",
        "ANPAJKSO7NDY4T57MWDSQ",
        "Provides read only access to IAM via the AWS Management Console.",
        "2015-02-06T18:40:39",
        4,
        "2018-01-25T19:11:27",
        {
            "Effect": "Allow",
            "Action": [
                "iam:GenerateCredentialReport",
                "iam:GenerateServiceLastAccessedDetails",
                "iam:Get*",
                "iam:List*",
                "iam:SimulateCustomPolicy",
                "iam:SimulatePrincipalPolicy",
            ],
            "Resource": "*",
        },
    )


def managed_policy_catalogue(partition: str) -> tuple[str, tuple[CatalogueVersion, ...]]:
    """Its digest, SHA-256 in hexadecimal digits, and what is in it."""
    versions = tuple(_versions(partition))
    content = json.dumps([version.model_dump(mode="json") for version in versions], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest(), versions
