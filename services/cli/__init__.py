"""The command `muniment`."""

from services.cli.entry_point import main

__all__ = ["main"]
