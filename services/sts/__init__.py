"""STS. Importing this registers every operation."""

from services.sts import identity, sessions

__all__ = ["identity", "sessions"]
