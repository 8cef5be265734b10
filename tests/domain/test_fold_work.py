"""What a fold costs: no more for an account that has much than for one that has little."""

import json
import os
import subprocess
import sys

from domain.foundation.events import Change
from domain.registry import event_classes
from tests.domain.fold_work import LARGE, SMALL

COUNT = """import runpy, sys
sys.modules["immutables._map"] = None
runpy.run_module("tests.domain.fold_work", run_name="__main__")"""
MORE = LARGE - SMALL
POINTER_BYTES = 8


def test_no_fold_looks_through_what_there_is() -> None:
    """With 25 times as much of everything, folding an event of any kind takes fewer steps more than there are things
    more, so that none can look at each, and less memory than a copy of a list of them; and whom an event concerns is
    told in steps that grow no more than twofold for each that is named. There is a case for every kind of change."""
    counted = subprocess.run(
        [sys.executable, "-c", COUNT],
        env={**os.environ, "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=True,
    )
    work = json.loads(counted.stdout)
    assert work.keys() == {topic for topic, event in event_classes().items() if issubclass(event, Change)}
    for topic, taken in work.items():
        small, large = taken["steps"]
        assert large - small < MORE, f"{topic}: {small} steps become {large}."
        small, large = taken["bytes"]
        assert large - small < POINTER_BYTES * MORE, f"{topic}: {small} bytes become {large}."
        small, large = taken["told"]
        assert large <= 2 * small, f"{topic}: {small} steps for each that is named become {large}."
