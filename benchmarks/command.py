"""How long the command takes to say how it is used, beside a Python that imports argparse and defines one pydantic
model."""

import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.report import machine, spread
from benchmarks.servers import NotMeasured
from benchmarks.size import Size

RUNS = 20
AIM = 1.3
"""Times the time of the bare Python."""
BARE = "import argparse\nfrom pydantic import BaseModel\nclass Model(BaseModel):\n    number: int\n"
MUNIMENT = Path(sys.executable).with_name("muniment")
COMMANDS: Mapping[str, tuple[Sequence[str], int]] = {
    "Python with argparse and one pydantic model": ((sys.executable, "-c", BARE), 0),
    "muniment --help": ((str(MUNIMENT), "--help"), 0),
    "muniment histroy, which is no command": ((str(MUNIMENT), "histroy"), 2),
}
ABOUT = "Processes from their start to their end, one after the other, in turns. Medians, least and most in brackets."


def measured(_directory: Path, size: Size) -> str:
    seconds: dict[str, list[float]] = {what: [] for what in COMMANDS}
    for _ in range(max(3, size.of(RUNS))):
        for what, (command, status) in COMMANDS.items():
            seconds[what].append(_run(command, status))
    bare, *_ = seconds.values()
    rows = [f"| {what} | {_milliseconds(of)} | {_ratio(of, bare)} |" for what, of in seconds.items()]
    head = ["| what | milliseconds | ratio | aim |", "|---|---:|---:|---:|"]
    return "\n".join([machine(), ABOUT, "", *head, *rows]) + "\n"


def _run(command: Sequence[str], status: int) -> float:
    began = time.perf_counter()
    ended = subprocess.run(command, capture_output=True, check=False).returncode
    seconds = time.perf_counter() - began
    if ended != status:
        raise NotMeasured(f"{' '.join(command)} ended with {ended}, and not with {status}.")
    return seconds


def _milliseconds(seconds: Sequence[float]) -> str:
    return spread((each * 1_000 for each in seconds), ",.0f")


def _ratio(seconds: Sequence[float], bare: Sequence[float]) -> str:
    if seconds is bare:
        return "1 | "
    return f"{spread((each / beside for each, beside in zip(seconds, bare, strict=True)), '.2f')} | {AIM}"
