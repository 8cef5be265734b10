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


def is_of_aws(name: str, partition: str) -> bool:
    if name in KNOWN_SERVICES and "amazon" in name.rpartition(".")[0]:
        return True
    for domain in _DOMAINS.get(partition, ("amazonaws.com",)):
        if name.endswith(f".{domain}"):
            return _REGION.sub("", name.removesuffix(f".{domain}"), count=1) in KNOWN_SERVICES
    return False
