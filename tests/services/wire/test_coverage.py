"""Every operation of a service that is covered is answered, or refused for a reason that is documented."""

import json
from collections import Counter

import pytest

from services.cli.commands.coverage import SERVICES as COVERED
from services.cli.entry_point import main
from services.refused_operations import REFUSED, REFUSED_OTHERS
from services.wire.operations import find_operation
from tests.services.endpoint import SERVICES

EACH_REFUSED = [(service, name, reason) for service, names in REFUSED.items() for name, reason in names.items()]
MODELLED = {(service, name) for service in COVERED for name in SERVICES[service].operation_names}


def test_what_is_refused_is_in_the_model_and_not_answered() -> None:
    """Twelve that only Amazon can do, six of a later version, and what accounts do not have here."""
    assert {(service, name) for service, name, _reason in EACH_REFUSED} <= MODELLED
    assert not [name for service, name, _reason in EACH_REFUSED if find_operation(service, name)]
    assert len([reason for *_, reason in EACH_REFUSED if reason.startswith("only Amazon")]) == 12
    refused = Counter(service for service, *_ in EACH_REFUSED)
    assert refused == {"access-analyzer": 12, "account": 10, "iam": 14, "organizations": 48, "sts": 4}


def test_nothing_is_unknown() -> None:
    """A newer model, with an operation that this program does not know, is noticed here."""
    refused = {(service, name) for service, name, _reason in EACH_REFUSED}
    unknown = {each for each in MODELLED - refused if find_operation(*each) is None}
    assert {service for service, _name in unknown} == REFUSED_OTHERS.keys() <= set(COVERED)


def test_the_command_counts(capsys: pytest.CaptureFixture[str]) -> None:
    """Each operation of the models once, as it is; the total says the same."""
    assert main(["coverage", "--output", "json"]) == 0
    out, total = capsys.readouterr()
    rows = [json.loads(line) for line in out.splitlines()]
    assert {(row["service"], row["operation"]) for row in rows} == MODELLED
    assert len(rows) == len(MODELLED)
    for row in rows:
        service, operation = row["service"], row["operation"]
        answered = find_operation(service, operation) is not None
        reason = None if answered else REFUSED.get(service, {}).get(operation, REFUSED_OTHERS.get(service))
        assert row["reason"] == reason
        assert row["state"] == ("answered" if answered else "unknown" if reason is None else "refused")
    count = sum(row["state"] == "answered" for row in rows)
    assert total.startswith(f"muniment: {len(rows)} operations: {count} answered, {len(rows) - count} refused, 0 unkn")
