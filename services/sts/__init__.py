"""STS. Importing this registers every operation."""

from services.sts import identity, messages, sessions

__all__ = ["identity", "messages", "sessions"]
