"""Which addresses may be asked: those of the open internet, and networks that the operator allows besides."""

import ipaddress
from collections.abc import Sequence

from services.settings import Network

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_GLOBAL_IPV6 = ipaddress.ip_network("2000::/3")
"""All that is given out (IANA, "IPv6 Global Unicast Address Assignments"). What lies outside is loopback, link-local,
unique local, multicast, or IPv4 in another form: mapped, compatible, translated (RFC 6052, RFC 8215)."""
_REFUSED: Sequence[Network] = tuple(
    ipaddress.ip_network(each)
    for each in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
        "224.0.0.0/4", "240.0.0.0/4",
        "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
    )
)  # fmt: skip
"""Of special purpose (IANA, "IPv4 Special-Purpose Address Registry" and that of IPv6): private, shared by a carrier,
link-local, for documentation and benchmarks, multicast, reserved; and IPv4 within 6to4 and Teredo."""


def is_allowed(address: Address, allowed: Sequence[Network]) -> bool:
    """Whether it may be asked. What is listed is matched as it stands: IPv4 in the form of IPv6 is IPv6."""
    if any(address in network for network in allowed):
        return True
    if address.version == 6 and address not in _GLOBAL_IPV6:  # noqa: PLR2004  IP's versions
        return False
    return not any(address in network for network in _REFUSED)
