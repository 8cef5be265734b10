"""`python -m tests.failures`, which is `make faults`: every fault many times under load, and what it came to."""

import argparse
import sys
from statistics import median

from benchmarks import siege
from tests.clients.server import running_server
from tests.failures.scenarios import CONTROL, SCENARIOS, Measured, Scenario, measured
from tests.failures.sites import NoMount

SIEGE_CALLS, SIEGE_CONTAINMENTS = 200, 10
HEAD = (
    "| scenario | faults | acknowledged | lost | doubled | changed | 503 | no answer | s to the first answer after |\n"
    "|---|---:|---:|---:|---:|---:|---:|---:|---:|"
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.failures", description=__doc__)
    parser.add_argument("--faults", type=int, default=10, help="of each scenario (10)")
    parser.add_argument("--clients", type=int, default=8, help="that call at a time (8)")
    parser.add_argument("--only", default="", help="scenarios in whose name this stands")
    chosen = parser.parse_args()
    found: list[Measured] = []
    sound = True
    for scenario in [*SCENARIOS, CONTROL]:
        if chosen.only not in scenario.name:
            continue
        one = _measured(scenario, chosen.faults if scenario is not CONTROL else 1, chosen.clients)
        if one is None:
            continue
        found.append(one)
        for complaint in [*one.findings.lost[:5], *one.findings.doubled[:5], *one.findings.changed[:5], *one.strange]:
            _say(f"  {complaint}")
        sound &= bool(one.findings.lost) if scenario is CONTROL else not one.findings and not one.strange
    sys.stdout.write("\n".join([HEAD, *map(_row, found)]) + "\n")
    sound &= _besieged(chosen.only)
    if not sound:
        _say("Not sound: see above. (Of the control, losses are expected.)")
    return not sound


def _measured(scenario: Scenario, faults: int, clients: int) -> Measured | None:
    _say(f"{scenario.name}: {faults} under the load of {clients} clients")
    try:
        # A server of its own for each: what one scenario has left behind shall not help the next.
        with scenario.site() as site:
            return measured(scenario, site, faults=faults, clients=clients)
    except NoMount as reason:
        _say(f"  SKIPPED: {reason}")
        return None


def _besieged(only: str) -> bool:
    """Whether nobody else noticed more of any attack than that it took longer."""
    attacks = [attack for attack in siege.ATTACKS if only in attack.name]
    if not attacks:
        return True
    sound = True
    with running_server() as server:
        scene = siege.opened_scene(server.endpoint, server.data)
        for attack in attacks:
            one = siege.noticed(scene, attack, SIEGE_CALLS, SIEGE_CONTAINMENTS)
            sys.stdout.write(siege.row(attack, one) + "\n")
            sound &= one.answers == {200: SIEGE_CALLS} and one.contained == {200: SIEGE_CONTAINMENTS}
    return sound


def _row(one: Measured) -> str:
    seconds = f"{median(one.seconds):.2f} (at most {max(one.seconds):.2f})"
    findings = one.findings
    return (
        f"| {one.name} | {one.faults} | {one.acknowledged:,} | {len(findings.lost)} | {len(findings.doubled)} "
        f"| {len(findings.changed)} | {one.unavailable:,} | {one.unanswered} | {seconds} |"
    )


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")


if __name__ == "__main__":
    sys.exit(main())
