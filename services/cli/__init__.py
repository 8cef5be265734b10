"""The command `muniment`."""

from services.cli.command import main

__all__ = ["main"]
