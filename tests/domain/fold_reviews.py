"""What the events of access reviews say where the work of folding is counted."""

from collections.abc import Iterator

from tests.domain.accounts import AT


def _line(number: int) -> dict[str, object]:
    return {"line_id": f"RLIN{number}", "decision": "keep", "version": "V", "what": "policy p0 of user u0"}


REVIEW_FIELDS: dict[str, object] = {
    "allows_own": False,
    "decisions": (_line(0),),
    "line_count": 1,
    "lines_at": AT,
    "lines_position": 1,
    "lines_sha256": "0f",
    "replaces": None,
    "review_id": "ARVW0",
    "review_name": "q0",
    "reviewers": (),
    "scope": {},
}
REVIEW_CASES: dict[str, dict[str, object]] = {
    "account.access_review.started.v1": {"review_id": "ARVWnew", "review_name": "new"},
    "account.access_review.closed.v1": {"kept": 1, "revoked": 0, "undecided": 0},
}


def review_events(number: int) -> Iterator[tuple[str, dict[str, object]]]:
    """One review more, and one more line decided of the first."""
    yield "account.access_review.started.v1", {"review_id": f"ARVW{number}", "review_name": f"q{number}"}
    yield "account.access_review.lines_decided.v1", {"decisions": (_line(number),)}
