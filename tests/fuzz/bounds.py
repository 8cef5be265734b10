"""How long fuzzing goes on: briefly in the suite, as long as one likes with `make fuzz`."""

import os

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "120"))
"""Of each property."""
