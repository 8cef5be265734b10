"""An installation whose notifications are delivered by hand, at a time in our hands."""

import itertools
import secrets
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta

import psycopg

from domain.families.access_keys import AccessKeyCreated
from domain.families.leak_reports import CredentialReportedLeaked
from domain.families.notices import CredentialIdle, Evidence, Rule
from domain.families.notifications import (
    NOTIFICATION_TARGETS,
    NotificationTargetTested,
    TargetDefinition,
    TargetKind,
    signing_secret,
)
from domain.families.tags import EntityTagged
from domain.families.users import UserCreated
from domain.foundation.events import Event
from domain.foundation.identifiers import INSTALLATION
from domain.installation import (
    Installation,
    InstallationFounded,
    OperatorTargetAdded,
    OperatorTargetRemoved,
    OperatorTargetTested,
)
from domain.rules import notifications as rules
from services.ledger.database import Database, connect
from services.ledger_runtime import LedgerRuntime
from services.notification_runtime import build_deliverer
from services.notifications.deliverer import Deliverer
from services.notifications.reports import TargetState, report
from services.notifications.signatures import new_signing_secret
from services.secrets.master_key import KEY_BYTES, MasterKey, MasterKeys
from services.settings import read_settings
from tests.projections.ledger import NOW, Ledger

DAY = timedelta(days=1)
ENVIRONMENT = {"MUNIMENT_OUTBOUND_ALLOW": "127.0.0.1"}


class Post:
    """Ledgers that events are written to, and who delivers them."""

    def __init__(self, database: Database, writer: psycopg.Connection, stack: ExitStack) -> None:
        self.at = NOW
        self.database = database
        self.writer = writer
        self._stack = stack
        self._numbers = itertools.count(1)
        self._keys = MasterKeys(MasterKey(secrets.token_bytes(KEY_BYTES)))
        self.installation = Ledger(writer, INSTALLATION)
        self.installation.append(InstallationFounded(ledger_id="0f", schema_version=1), at=self.at)
        self.account = self.another_account()
        self.runtime = LedgerRuntime(database, self._keys, clock=lambda: self.at)
        self.deliverer = self.another_process()

    def another_account(self) -> Ledger:
        ledger = Ledger(self.writer)
        ledger.append(UserCreated(user_id="AIDAANN", user_name="ann", path="/"), at=self.at)
        return ledger

    def another_process(self, **environment: str) -> Deliverer:
        settings = read_settings({**ENVIRONMENT, **environment})
        deliverer = build_deliverer(self.runtime, self.database, settings)
        self._stack.enter_context(deliverer.open())
        return deliverer

    def add(self, kind: TargetKind, destination: str, ledger: Ledger | None = None, **more: object) -> str:
        """A target of the account; gives its id."""
        ledger = ledger or self.account
        target_id = f"NTGT{next(self._numbers)}"
        definition = TargetDefinition(kind, destination, **more)  # type: ignore[arg-type]
        added = rules.add_target(ledger.account, target_id=target_id, name=target_id, definition=definition)
        self.append(added, ledger=ledger)
        self._seal(kind, target_id, ledger.account_id)
        return target_id

    def add_operators(self, kind: TargetKind, destination: str, of: str | None = None, **more: object) -> str:
        target_id = f"NTGT{next(self._numbers)}"
        definition = TargetDefinition(kind, destination, **more)  # type: ignore[arg-type]
        named = {"target_id": target_id, "target_name": target_id}
        self.append(OperatorTargetAdded(**named, definition=definition, of_account_id=of), ledger=self.installation)
        self._seal(kind, target_id, INSTALLATION)
        return target_id

    def _seal(self, kind: TargetKind, target_id: str, account_id: str) -> None:
        with self.writer.transaction(), self.writer.cursor() as cursor:
            for secret_id in signing_secret(kind, target_id):
                secret = new_signing_secret(secrets.token_bytes)
                self.runtime.secrets.put(cursor, account_id, account_id, secret_id, secret)

    def remove(self, target_id: str) -> None:
        if target_id in self.account.account[NOTIFICATION_TARGETS]:
            self.append(rules.remove_target(self.account.account, name=target_id))
        else:
            named = {"target_id": target_id, "target_name": target_id, "kind": "file"}
            self.append(OperatorTargetRemoved.model_validate(named), ledger=self.installation)

    def test(self, target_id: str) -> None:
        named = {"target_id": target_id, "target_name": target_id}
        if target_id in self.account.account[NOTIFICATION_TARGETS]:
            self.append(NotificationTargetTested(**named, owner_id="AIDAANN"))
        else:
            self.append(OperatorTargetTested(**named), ledger=self.installation)

    def append(self, *events: Event, ledger: Ledger | None = None) -> None:
        (ledger or self.account).append(*events, at=self.at)

    def idle(self, count: int = 1, ledger: Ledger | None = None) -> list[str]:
        """So many notices, each of a key of ann's own; gives the ids of the events."""
        ledger = ledger or self.account
        ids = []
        for _ in range(count):
            owner = {"user_id": "AIDAANN", "user_name": "ann"}
            key_id = f"AKIA{next(self._numbers)}"
            self.append(AccessKeyCreated(access_key_id=key_id, **owner), ledger=ledger)
            self.append(notice(key_id, self.at), ledger=ledger)
            ids.append(f"{ledger.account_id}-{ledger.position}")
        return ids

    def tag(self, key: str, value: str) -> None:
        self.append(EntityTagged(entity="user", entity_id="AIDAANN", entity_name="ann", tags={key: value}))

    def deliver(self, deliverer: Deliverer | None = None, turns: int = 2) -> None:
        """What is due now."""
        for _ in range(turns):
            (deliverer or self.deliverer).tick()
            (deliverer or self.deliverer).settle()

    def state(self, target_id: str) -> TargetState:
        account = self.account.account
        installation = self.installation.values[-1]
        assert isinstance(installation, Installation)
        with connect(self.database, "reader") as reader:
            for targets, home in (
                (account[NOTIFICATION_TARGETS], account.id),
                (installation.notification_targets, INSTALLATION),
            ):
                for each in report(reader, self.runtime.past.mapper, targets.values(), home, self.at):
                    if each.target.id == target_id:
                        return each.state
        raise LookupError(target_id)

    def rows(self, table: str) -> Sequence[tuple[object, ...]]:
        return self.writer.execute(f"select * from notifications.{table} order by 1, 2").fetchall()  # noqa: S608


def notice(key_id: str, due_at: datetime) -> CredentialIdle:
    return CredentialIdle(
        credential="access_key", credential_id=key_id, owner_id="AIDAANN", owner_name="ann", due_at=due_at,
        rule=Rule(profile="default", version=1, name="credential_idle", days=45), evidence=Evidence(created_at=due_at),
    )  # fmt: skip


def leaked() -> CredentialReportedLeaked:
    owner = {"owner_id": "AIDAANN", "owner_name": "ann"}
    return CredentialReportedLeaked(credential_id="AKIA1", **owner, reporter="operator")


@contextmanager
def opened_post(database: Database) -> Iterator[Post]:
    with ExitStack() as stack:
        writer = stack.enter_context(connect(database, "writer"))
        yield Post(database, writer, stack)
