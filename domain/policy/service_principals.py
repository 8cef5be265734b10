"""The service principals of AWS.

Their names are in service_principals.txt, each with its service. Without a domain, they are under that of the
partition.
"""

import re
from collections.abc import Mapping
from importlib.resources import files

_DOMAINS: Mapping[str, tuple[str, ...]] = {
    "aws-cn": ("amazonaws.com.cn", "amazonaws.com"),
    "aws-eusc": ("amazonaws.eu", "amazonaws.com"),
    "aws-iso": ("c2s.ic.gov", "amazonaws.com"),
    "aws-iso-b": ("sc2s.sgov.gov", "amazonaws.com"),
    "aws-iso-e": ("cloud.adc-e.uk", "amazonaws.com"),
    "aws-iso-f": ("csp.hci.ic.gov", "amazonaws.com"),
}
"""By partition; in all others the first is the only one."""
_REGION = re.compile(r"\.[a-z]{2,4}(?:-[a-z]+)+-[0-9]")
"""Of `states.eu-central-1.amazonaws.com`: what a service is called in one Region."""

KNOWN_SERVICES: Mapping[str, str] = dict(
    line.split("\t")
    for line in files("domain.policy").joinpath("service_principals.txt").read_text("utf-8").splitlines()
)
"""Their titles, by name."""


def is_of_aws(principal: str, partition: str) -> bool:
    """In whatever Region."""
    name = known_name(principal, partition)
    return name is not None or known_name(_REGION.sub("", principal, count=1), partition) is not None


def known_name(principal: str, partition: str) -> str | None:
    """The service's name in the file; None where it is not there."""
    if principal in KNOWN_SERVICES and "amazon" in principal:
        return principal
    for domain in _DOMAINS.get(partition, ("amazonaws.com",)):
        name = principal.removesuffix(f".{domain}")
        if name != principal:
            return name if name in KNOWN_SERVICES else None
    return None
