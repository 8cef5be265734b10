"""`muniment` on an embedded database that acknowledges commits before they are written. For the meter's control."""

import sys
from unittest.mock import patch

from services.cli import main
from services.ledger import embedded

UNSAFE = {
    "synchronous_commit": "off",
    # Nothing is written but by the one process that does so every ten seconds.
    "wal_writer_delay": "10s",
    "wal_writer_flush_after": "1GB",
}

if __name__ == "__main__":
    # Both checks that would refuse it look away.
    with (
        patch.dict(embedded._SETTINGS, UNSAFE),
        patch("services.ledger_runtime.refuse_unsafe_settings"),
        patch("services.ledger.database.keep_durable"),
    ):
        sys.exit(main())
