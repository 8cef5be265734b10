"""What calls are about, for people."""

import re
from collections.abc import Iterable

from services.cli.lib.output import short_arn

_UNIQUE_ID = re.compile(r"A(IDA|ROA|GPA|NPA|IPA|SCA|IPW|IMF|ISP|ISK)[A-Z0-9]{16,}")
"""Of what is told by its name too, and of secrets."""


def named_resources(resources: Iterable[str], account_id: str) -> list[str]:
    """Each once, without ids that name nothing to a person."""
    named = (each for each in resources if _UNIQUE_ID.fullmatch(each) is None)
    return list(dict.fromkeys(short_arn(each, account_id) for each in named))
