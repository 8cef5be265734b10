"""What webhooks' messages are signed with. Whoever leads remembers it: a target is told of its removal,
which destroys it."""

import logging
from collections.abc import Iterable
from itertools import islice

import psycopg

from domain.families.notifications import signing_secret
from domain.foundation.secret import Secret
from services.notifications.targets import DeliveryTarget
from services.secrets.envelope import InvalidSeal
from services.secrets.store import SecretStore

REMEMBERED_A_TICK = 50
"""So many are unsealed at a time."""

log = logging.getLogger("muniment.notifications")


class SigningSecrets:
    """For all threads; remembered by one."""

    def __init__(self, store: SecretStore) -> None:
        self._store = store
        self._remembered: dict[str, Secret | None] = {}

    def of(self, connection: psycopg.Connection, target: DeliveryTarget) -> Secret | None:
        """None where it is gone, and was not remembered. Raises InvalidSeal."""
        (secret_id,) = signing_secret(target.definition.kind, target.id)
        with connection.cursor() as cursor:
            found = self._store.get(cursor, target.home, secret_id)
        return found or self._remembered.get(target.id)

    def remember(self, connection: psycopg.Connection, targets: Iterable[DeliveryTarget]) -> None:
        """Of these, and of no others."""
        webhooks = {each.id: each for each in targets if each.definition.kind == "webhook"}
        known = {each: secret for each, secret in self._remembered.items() if each in webhooks}
        for each in islice((each for each in webhooks.values() if each.id not in known), REMEMBERED_A_TICK):
            try:
                known[each.id] = self.of(connection, each)
            except InvalidSeal:
                log.exception(
                    "The signing secret of notification target %s of %s cannot be read.", each.name, each.home
                )
                known[each.id] = None
        self._remembered = known
