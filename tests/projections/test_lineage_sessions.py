"""The property of the lineage: on random histories, it has every session that a call names."""

import psycopg
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.projections.conftest import Project
from tests.projections.ledger import Ledger
from tests.projections.operations import Actor, admin, leaked, newest
from tests.projections.test_properties import few
from tests.projections.use_events import CALLED


class Played:
    """A random story of two accounts, and by hand what of it the seed has brought about."""

    def __init__(self, writer: psycopg.Connection) -> None:
        self.ledgers = (Ledger(writer), Ledger(writer))
        self.seed = leaked(self.ledgers[0])
        admin(self.ledgers[1]).creates_role("builder")
        self.actors = [self.seed, *map(admin, self.ledgers)]
        self.tainted = {self.seed.access_key_id}
        """By the seed: keys, and unique ids with the account's in front."""
        self.users = (["ann"], list[str]())
        self.roles = (["builder"], ["builder"])
        self.used = set[str]()
        """Sessions that an ApiCalled names."""

    def play(self, number: int, step: str, a: int, b: int) -> None:
        actor = self.actors[a % len(self.actors)]
        home = self.ledgers.index(actor.ledger)
        away = (home + (step == "across")) % 2
        name = f"n{number}"
        match step:
            case "user":
                actor.creates_user(name)
                self.users[home].append(name)
                self._taint(actor, f"{home} user {name}")
            case "role":
                actor.creates_role(name)
                self.roles[home].append(name)
                self._taint(actor, f"{home} role {name}")
            case "key" if self.users[home]:
                user = self.users[home][b % len(self.users[home])]
                self.actors.append(actor.creates_key(f"AKIA{number:03}{actor.ledger.account_id}", user))
                self._taint(actor, self.actors[-1].access_key_id, f"{home} user {user}")
            case "assume" | "across":
                role = self.roles[away][b % len(self.roles[away])]
                session_id = f"SESN{number:03}{self.ledgers[0].account_id}"
                self.actors.append(actor.assumes(role, session_id, of=self.ledgers[away]))
                self._taint(actor, self.actors[-1].access_key_id, f"{away} role {role}")
            case _:
                actor.does(CALLED)
                self.used |= set() if actor.session_id is None else {actor.session_id}

    def _taint(self, actor: Actor, made: str, owner: str | None = None) -> None:
        if {actor.access_key_id, owner} & self.tainted:
            self.tainted.add(made)

    @property
    def expected(self) -> set[str]:
        """The sessions that were used, and of which the seed is the cause."""
        ids = {actor.session_id for actor in self.actors if actor.access_key_id in self.tainted}
        return {session_id for session_id in self.used if session_id in ids}


STEPS = st.sampled_from(["user", "role", "key", "assume", "across", "across", "call", "call"])
NUMBERS = st.integers(0, 1_000)


@settings(few, max_examples=10)
@given(st.lists(st.tuples(STEPS, NUMBERS, NUMBERS), min_size=20, max_size=60))
def test_every_session_of_a_use_event_is_found(
    writer: psycopg.Connection, reader: psycopg.Cursor, project: Project, steps: list[tuple[str, int, int]]
) -> None:
    """Of the sessions that calls name, the lineage has those, and only those, that the seed brought about through
    whatever chain of sessions, keys, users and roles, in either account."""
    played = Played(writer)
    for number, step in enumerate(steps):
        played.play(number, *step)
    for ledger in played.ledgers:
        project(ledger.account_id, 7)
    found = newest(reader, played.ledgers[0], played.seed.access_key_id)
    assert played.used & {at.subject_id for at in found.nodes if at.kind == "session"} == played.expected
