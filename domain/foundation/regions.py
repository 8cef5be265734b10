"""The Regions that accounts have without anybody's asking (docs/adr/0061)."""

from collections.abc import Mapping, Sequence

DEFAULT_REGIONS: Mapping[str, Sequence[str]] = {
    "aws": (
        *("ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-southeast-1", "ap-southeast-2"),
        *("ca-central-1", "eu-central-1", "eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3"),
        *("sa-east-1", "us-east-1", "us-east-2", "us-west-1", "us-west-2"),
    ),
    "aws-cn": ("cn-north-1", "cn-northwest-1"),
    "aws-us-gov": ("us-gov-east-1", "us-gov-west-1"),
}
"""By partition, in the order of their names. AWS adds none: later ones have to be opted into
(https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-regions.html)."""
