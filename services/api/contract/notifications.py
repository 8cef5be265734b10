"""Notification targets: where an account's events are told."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from services.api.contract.question import Answer, Question, Text

TARGET_RESOURCE = "notification-target/{name}"
TargetName = Annotated[Text, StringConstraints(max_length=64, pattern=r"^[A-Za-z0-9_+=,.@-]+$")]


class NotificationTargetDetails(Answer):
    name: str
    target_id: str
    kind: Literal["webhook", "email", "email_owner", "file", "command"]
    """Files and commands are the operator's alone."""
    destination: str
    """A URL, an address, a path, a command line; of email_owner the tag key under which owners have an address."""
    events: tuple[str, ...]
    """Patterns of class names; none stands for what time does to credentials, reports of leaks, and removals of
    targets."""
    owner: str | None
    credential_kinds: tuple[str, ...]
    added_at: datetime
    delivered: int
    """Events that it has taken; of e-mail, that were put into a mail."""
    last_delivered_at: datetime | None
    waiting: int
    """Events that it was not told yet."""
    more_waiting: bool
    """Whether there may be more than were counted."""
    failing_since: datetime | None
    last_error: str | None
    next_attempt_at: datetime | None
    dead: bool
    """Whether it has taken nothing for three days. It is tried on, once an hour, and misses nothing."""
    unresolved_owners: int
    """Events about credentials of owners without an address."""
    last_unresolved_owner: str | None
    waiting_mail: int
    """Events in mails that were not sent yet."""
    waiting_recipients: int


class NotificationTargets(Answer):
    account_id: str
    targets: tuple[NotificationTargetDetails, ...]
    """By name."""


class ListNotificationTargets(Question[NotificationTargets]):
    """The notification targets of the account, and how telling them goes."""

    path = "/v1/notification-targets"
    resource = "notification-targets"


class AddedNotificationTarget(Answer):
    account_id: str
    name: str
    target_id: str
    signing_secret: str | None
    """Of a webhook: with which it verifies messages, by Standard Webhooks. It is shown this once."""


class AddNotificationTarget(Question[AddedNotificationTarget]):
    """Tells a webhook or an e-mail address what happens in the account from now on."""

    method = "POST"
    path = "/v1/notification-targets/{name}"
    resource = TARGET_RESOURCE
    read_only = False

    name: TargetName
    kind: Literal["webhook", "email", "email_owner"]
    destination: Text
    """An https URL; an e-mail address; the tag key under which users and roles have theirs."""
    events: Annotated[tuple[Text, ...], Field(max_length=20)] = ()
    """Patterns of class names, such as Rotation*; none: what time does to credentials, and reports of leaks."""
    owner: Text | None = None
    """Only events about credentials of this user or role, by name or unique id."""
    credential_kinds: Annotated[tuple[Text, ...], Field(max_length=10)] = ()
    """Only events about these, such as access_key."""


class ChangedNotificationTarget(Answer):
    account_id: str
    name: str
    target_id: str
    position: int
    """Of the event that says so."""


class RemoveNotificationTarget(Question[ChangedNotificationTarget]):
    """Tells the target that it was removed, and nothing else any more, not even what waits. Its signing secret is
    destroyed. The other targets are told too."""

    method = "POST"
    path = "/v1/notification-targets/{name}/remove"
    resource = TARGET_RESOURCE
    read_only = False

    name: TargetName


class TestNotificationTarget(Question[ChangedNotificationTarget]):
    """Tells the target a test, behind all that waits, and at once however often it has failed."""

    method = "POST"
    path = "/v1/notification-targets/{name}/test"
    resource = TARGET_RESOURCE
    read_only = False

    name: TargetName
