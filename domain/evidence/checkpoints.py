"""Checkpoints of transparency logs (C2SP tlog-checkpoint)."""

from base64 import b64encode
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LogCheckpoint:
    origin: str
    size: int
    root: bytes

    @property
    def body(self) -> str:
        return f"{self.origin}\n{self.size}\n{b64encode(self.root).decode()}\n"
