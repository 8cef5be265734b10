"""What is unusual, asked of the native API."""

import pytest

from services.wire.request_pipeline import RequestOrigin
from tests.services.api import in_process_server as houses
from tests.services.api.in_process_server import InProcessServer


def test_a_session_that_moves(house: InProcessServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """As soon as the second address has called, the finding is told with both first calls; the call that asks is the
    last that is looked at."""
    session_id, session = house.session(house.user("alice"))
    house.aws_does("sts", "GetCallerIdentity", keys=session)
    assert house.asks("/v1/unusual").body["findings"] == []
    monkeypatch.setattr(houses, "PEER", RequestOrigin("198.51.100.1", None, tls=False))
    house.aws_does("sts", "GetCallerIdentity", keys=session)
    told = house.asks("/v1/unusual").body
    (finding,) = told["findings"]
    assert (finding["kind"], finding["credential"]) == ("session from several addresses", session_id)
    assert [call["source_address"] for call in finding["evidence"]] == ["192.0.2.7", "198.51.100.1"]
    assert (told["marker"], told["silent_days"], told["cut_sessions"]) == (None, 90, [])
    assert house.asks(f"/v1/unusual?until=p{finding['position'] - 1}").body["findings"] == []
    (page,) = house.asks("/v1/unusual?limit=1").body["findings"]
    assert page == finding


def test_pages_end_where_the_first_began(house: InProcessServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """What happens while pages are turned is for the next time; and a marker is none of another listing's."""
    sessions = [house.session(house.user(name))[1] for name in ("alice", "bob")]
    for address in ("192.0.2.7", "198.51.100.1"):
        monkeypatch.setattr(houses, "PEER", RequestOrigin(address, None, tls=False))
        for session in sessions:
            house.aws_does("sts", "GetCallerIdentity", keys=session)
    first = house.asks("/v1/unusual?limit=1").body
    carol = house.session(house.user("carol"))[1]
    for address in ("192.0.2.7", "198.51.100.1"):
        monkeypatch.setattr(houses, "PEER", RequestOrigin(address, None, tls=False))
        house.aws_does("sts", "GetCallerIdentity", keys=carol)
    rest = house.asks(f"/v1/unusual?marker={first['marker']}").body
    assert (len(first["findings"]), len(rest["findings"]), rest["marker"]) == (1, 1, None)
    assert len(house.asks("/v1/unusual").body["findings"]) == 3
    assert house.asks(f"/v1/sessions?marker={first['marker']}").error[0] == "ValidationError"


@pytest.mark.parametrize(
    "query", ["since=yesterday", "until=p", "silent_days=0", "since=p1000000", "since=p5&until=p1"]
)
def test_what_is_refused(house: InProcessServer, query: str) -> None:
    """A moment that is none or has not come, a silence of no days, and a span the wrong way round."""
    assert house.asks(f"/v1/unusual?{query}").error[0] == "ValidationError"


def test_a_session_that_was_over(house: InProcessServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that was revoked before anybody used it, and is then tried from two addresses: whose it was is told, though
    the calls are nobody's."""
    session_id, session = house.session(house.user("alice"))
    assert house.asks(f"/v1/sessions/{session_id}/revoke", method="POST").status == 200
    for address in ("192.0.2.7", "198.51.100.1"):
        monkeypatch.setattr(houses, "PEER", RequestOrigin(address, None, tls=False))
        assert house.aws_does("iam", "ListUsers", keys=session)[0] == 403
    told = house.asks("/v1/unusual")
    assert told.status == 200
    (finding,) = told.body["findings"]
    assert finding["credential"] == session_id
    assert finding["principal_arn"] == f"arn:aws:iam::{house.account_id}:user/alice"
