"""Service-linked roles: what became of the deletions that were asked for. The roles themselves are roles."""

from dataclasses import dataclass
from datetime import datetime

from immutables import Map

from domain.account import Account, Bookkeeping, Component


@dataclass(frozen=True, slots=True)
class DeletionTask:
    id: str
    finished_at: datetime


DELETION_TASKS = Component[Map[str, DeletionTask]]("deletion_tasks", Map())
"""The last one of each role, by its lower-cased name."""


class ServiceLinkedRoleDeletionFinished(Bookkeeping, topic="iam.service_linked_role.deletion_finished.v1"):
    """No service here has resources that would stand in the way: the task is over with the call that submits it."""

    deletion_task_id: str
    role_id: str
    role_name: str
    sentence = "The deletion of the service-linked role {role_name} was finished, as {deletion_task_id}."

    def fold(self, account: Account, at: datetime) -> Account:
        task = DeletionTask(self.deletion_task_id, at)
        return account.put(DELETION_TASKS, account[DELETION_TASKS].set(self.role_name.lower(), task))
