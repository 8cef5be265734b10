"""What this server refuses is refused alike, to those who have proved who they are, and is in the history."""

from services.refused_operations import REFUSED
from tests.services.api.in_process_server import VERSIONS, InProcessServer


def test_each_is_refused_and_recorded(house: InProcessServer) -> None:
    """Even for a user who may do nothing: which operations there are is no secret."""
    nobody = house.user("nobody")
    names = []
    for service in VERSIONS:
        for name, reason in REFUSED.get(service, {}).items():
            status, answer = house.aws_does(service, name, keys=nobody)
            assert (status, "<Code>InvalidAction</Code>" in answer) == (400, True)
            assert f"Could not find operation {name} for version {VERSIONS[service]} ({reason})" in answer
            names.append(name)
    found = house.asks("/v1/history?limit=100").body["calls"]
    assert [call["operation"] for call in found if call["error_code"] == "InvalidAction"] == names
