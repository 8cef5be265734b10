"""What an earlier `muniment verify --output json` has printed, kept where the database's owner cannot write."""

from collections.abc import Mapping
from pathlib import Path

from services.cli.lib.terminal import UsageError
from services.ledger.checkpoints import Checkpoint, InvalidCheckpoints, parse_checkpoints

EARLIER_BYTES_MAX = 64 << 20
"""More than 400,000 ledgers have."""


def read_earlier(name: str) -> Mapping[str, Checkpoint]:
    """Raises UsageError."""
    try:
        with Path(name).open("rb") as file:
            content = file.read(EARLIER_BYTES_MAX + 1)
        if len(content) > EARLIER_BYTES_MAX:
            raise UsageError(f"Cannot use {name}: it is longer than {EARLIER_BYTES_MAX:,} bytes.")
        return parse_checkpoints(content.decode().splitlines(), name)
    except OSError as error:
        raise UsageError(f"Cannot read {name}: {error.strerror}.") from error
    except (InvalidCheckpoints, UnicodeDecodeError) as error:
        raise UsageError(f"Cannot use {name}: {error}.") from error
