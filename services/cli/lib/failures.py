"""What ends a command without being a defect: one line for a person, and an exit code."""


class Failure(Exception):  # noqa: N818  said to a person
    """Exit code 1. Its message is what the person reads."""


class UsageError(Failure):
    """Exit code 2: the command itself was wrong, and nobody was asked."""
