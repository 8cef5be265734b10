"""Values of a type that stand for all: whatever conditions compare them with these bounds, no value of the type, and
no text that is none, makes a difference that one of these does not make."""

import base64
import ipaddress
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import ROUND_FLOOR, Decimal, localcontext
from fractions import Fraction
from itertools import pairwise

from domain.policy.conditions import binary, instant, number

_UNFIT = "x"
"""No number, date or address; and too short for base64."""
_DIGITS = 40
"""That a number may have at most, before and behind its point."""
_MOST = Fraction(10**_DIGITS) - Fraction(1, 10**_DIGITS)
_EARLIEST, _LATEST = "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59.999999-23:59"
_MICROSECOND = timedelta(microseconds=1)


def _numbers(texts: Sequence[str]) -> list[str]:
    bounds = sorted({Fraction(number(text)) for text in texts})
    found = [*bounds, *(one + (other - one) / 2 for one, other in pairwise(bounds))]
    found += [bounds[0] - 1, bounds[-1] + 1, -_MOST, _MOST]
    return [*filter(_is_number, map(_number_text, found)), _UNFIT]


def _number_text(value: Fraction) -> str:
    with localcontext() as exact:
        exact.prec = 200
        text = Decimal(value.numerator) / Decimal(value.denominator)
        rounded = text.quantize(Decimal(1).scaleb(-_DIGITS), ROUND_FLOOR)
        digits = f"{rounded:f}".rstrip("0").rstrip(".")
        return "0" if digits in {"", "-0"} else digits


def _is_number(text: str) -> bool:
    try:
        number(text)
    except ValueError:
        return False
    return True


def _dates(texts: Sequence[str]) -> list[str]:
    bounds = sorted({instant(text) for text in texts})
    found = [*bounds, *(one + (other - one) / 2 for one, other in pairwise(bounds))]
    return [*map(_date_text, found), *_beside(bounds), _EARLIEST, _LATEST, _UNFIT]


def _beside(bounds: Sequence[datetime]) -> Iterator[str]:
    """So near that no other bound is between: what is further away, compares alike."""
    for bound, way in ((bounds[0], -_MICROSECOND), (bounds[-1], _MICROSECOND)):
        try:
            yield _date_text(bound + way)
        except OverflowError:
            continue


def _date_text(moment: datetime) -> str:
    try:
        return moment.astimezone(UTC).isoformat()
    except OverflowError:
        return moment.isoformat()


def _addresses(texts: Sequence[str]) -> list[str]:
    found: dict[str, None] = {}
    for text in texts:
        network = ipaddress.ip_network(text, strict=False)
        kind = ipaddress.IPv4Address if network.version == 4 else ipaddress.IPv6Address  # noqa: PLR2004
        first, last, most = int(network.network_address), int(network.broadcast_address), 2**network.max_prefixlen
        for value in (first, last, first - 1, last + 1):
            if 0 <= value < most:
                found[str(kind(value))] = None
    return [*found, "0.0.0.0", "255.255.255.255", "::", str(ipaddress.IPv6Address(2**128 - 1)), _UNFIT]  # noqa: S104


def _octets(texts: Sequence[str]) -> list[str]:
    other = b"\0" * (1 + max(len(binary(text)) for text in texts))
    return [*texts, base64.b64encode(other).decode(), _UNFIT]


REGIONS: Mapping[str, Callable[[Sequence[str]], Iterable[str]]] = {
    "Numeric": _numbers,
    "Date": _dates,
    "IpAddress": _addresses,
    "Binary": _octets,
}
"""By how the names of the operators begin, without their Not."""
