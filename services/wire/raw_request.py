"""A request as it came over the wire: nothing decoded, nothing normalised."""

from dataclasses import dataclass, field

from domain.foundation.errors import IncompleteSignature

SINGLE_VALUE_HEADERS = frozenset(
    {b"authorization", b"date", b"host", b"x-amz-content-sha256", b"x-amz-date", b"x-amz-security-token"}
)
"""Headers that say who calls, when and where to. Of two, one layer could check one and another obey the other."""


QUERY_BYTES_MAX = 16_384
"""AWS counts on 2,048, and asks for POST beyond
(https://docs.aws.amazon.com/IAM/latest/UserGuide/programming.html)."""
QUERY_PARAMETERS_MAX = 512
SMALL_BYTES_MAX = 8_192
"""Of query string and body. What ends access takes no more, and so need not wait to be proved and read."""
PATH_BYTES_MAX = 8_192
"""A resource of 2,048 characters, each percent-encoded, and what stands before it."""


@dataclass(frozen=True, slots=True)
class RawRequest:
    """What the HTTP server read, byte for byte; a proxy's rewriting included. It prints without what may be secret."""

    method: str
    raw_path: bytes
    """Percent-encoded, without the query."""
    query: bytes = field(repr=False)
    """Without the question mark."""
    headers: tuple[tuple[bytes, bytes], ...] = field(repr=False)
    """Names in lower case; duplicates kept, in order."""
    body: bytes = field(repr=False)

    @property
    def is_small(self) -> bool:
        """Whether the event loop may take the time to prove and read it."""
        return len(self.query) + len(self.body) <= SMALL_BYTES_MAX

    @property
    def excess(self) -> str | None:
        """What of its target is too much to be decoded; None where nothing is."""
        if len(self.raw_path) > PATH_BYTES_MAX:
            return f"The path is longer than {PATH_BYTES_MAX} bytes."
        if len(self.query) > QUERY_BYTES_MAX:
            return f"The query string is longer than {QUERY_BYTES_MAX} bytes. Use POST."
        if self.query.count(b"&") >= QUERY_PARAMETERS_MAX:
            return f"The query string has more than {QUERY_PARAMETERS_MAX} parameters. Use POST."
        return None

    def header(self, name: str) -> str | None:
        """The header's values joined by commas (RFC 9110 section 5.3), obs-text read as Latin-1.

        Raises IncompleteSignature for two of one name in SINGLE_VALUE_HEADERS.
        """
        wanted = name.lower().encode("ascii")
        found: bytes | None = None
        for key, value in self.headers:
            if key == wanted:
                found = value if found is None else _joined(key, found, value)
        return None if found is None else found.decode("latin-1")

    def fields(self) -> dict[bytes, bytes]:
        """Every header, each as `header` gives it, as bytes. Raises as it does."""
        fields: dict[bytes, bytes] = {}
        for name, value in self.headers:
            fields[name] = _joined(name, fields[name], value) if name in fields else value
        return fields


def _joined(name: bytes, first: bytes, second: bytes) -> bytes:
    if name in SINGLE_VALUE_HEADERS:
        raise IncompleteSignature(f"The header '{name.decode('ascii')}' appears more than once; expected one.")
    return first.strip() + b"," + second.strip()
