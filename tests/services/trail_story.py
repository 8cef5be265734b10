"""Some hours of an account, told to a server in this process whose clock is ours, up to now."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

from botocore.credentials import Credentials as Keys

from domain.rules.trails import HOUR, hour_of
from services.ledger.database import Database
from tests.clients.server import Answer, run
from tests.services.api.in_process_server import InProcessServer, opened
from tests.services.api.test_credential_lifecycle import Clock
from tests.services.endpoint import allow, document, trusting
from tests.services.over_loopback import over_loopback
from tests.services.quarter import session_keys
from tests.services.small_s3 import SmallS3, small_s3

BUCKET = "trail"
HOURS = 5
"""From the account's first hour to the last that is over; in the fourth nothing happens."""


@dataclass
class TrailStory:
    house: InProcessServer
    clock: Clock
    begins_at: datetime
    endpoint: str
    s3: SmallS3
    secrets: set[str] = field(default_factory=set)
    """Secret keys and session tokens of all that has happened."""

    @property
    def arn(self) -> str:
        return f"arn:aws:cloudtrail:us-east-1:{self.house.account_id}:trail/muniment"

    def environment(self, keys: Keys | None = None) -> dict[str, str]:
        used = keys or self.house.admin
        return {
            "AWS_ACCESS_KEY_ID": used.access_key,
            "AWS_SECRET_ACCESS_KEY": used.secret_key,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ENDPOINT_URL_S3": self.s3.endpoint,
        }

    def export(self, *words: str) -> Answer:
        return run(["muniment", "export", "cloudtrail", *words, "--output", "json"], self.environment())

    def validate(self, *words: str) -> Answer:
        """By the stock command, from the beginning."""
        start = self.begins_at.isoformat()
        named = ("--trail-arn", self.arn, "--start-time", start, "--region", "us-east-1")
        return run(["aws", "cloudtrail", "validate-logs", *named, *words], self.environment())

    def aws(self, *words: str) -> Any:
        answer = run(["aws", *words], self.environment())
        assert answer.status == 0, answer.error
        return answer.json

    def at(self, hour: int, minute: int) -> None:
        """Of the story."""
        self.clock.now = self.begins_at + hour * HOUR + timedelta(minutes=minute, seconds=7)
        self.house.ledger.open_months()

    def does(self, action: str, service: str = "iam", keys: Keys | None = None, **members: str) -> str:
        status, answer = self.house.aws_does(service, action, keys=keys, **members)
        assert status == 200, answer
        self.secrets |= set(re.findall("<(?:SecretAccessKey|SessionToken)>(.*?)<", answer))
        return answer


@contextmanager
def trail_story(database: Database, place: Path) -> Iterator[TrailStory]:
    clock = Clock()
    begins_at = hour_of(datetime.now(UTC)) - HOURS * HOUR
    clock.now = begins_at + timedelta(minutes=3)
    with opened(database, place, clock) as house, small_s3(BUCKET) as s3:
        story = TrailStory(house, clock, begins_at, "", s3)
        with patch("botocore.auth.get_current_datetime", clock):
            tell(story)
        clock.now = datetime.now(UTC)
        house.ledger.open_months()
        with over_loopback(house) as story.endpoint:
            yield story


def tell(story: TrailStory) -> None:
    house = story.house
    ada = house.user("ada", allow("*", "*"))
    story.secrets |= {ada.secret_key, house.admin.secret_key}
    story.does(
        "CreateUser", UserName="bob", Path="/staff/", **{"Tags.member.1.Key": "team", "Tags.member.1.Value": "x"}
    )
    story.at(0, 59)
    long = document(*(allow(f"s3:GetObject{number}", "*") for number in range(40)))
    story.does("CreatePolicy", keys=ada, PolicyName="long", PolicyDocument=long)
    story.at(1, 0)
    trust = document(trusting(f"arn:aws:iam::{house.account_id}:user/ada"))
    story.does("CreateRole", keys=ada, RoleName="ops", AssumeRolePolicyDocument=trust)
    assumed = {"RoleArn": f"arn:aws:iam::{house.account_id}:role/ops", "RoleSessionName": "ada"}
    session = session_keys(story.does("AssumeRole", "sts", ada, **assumed))
    story.does("GetCallerIdentity", "sts", session)
    assert house.aws_does("iam", "ListUsers", keys=session)[0] == 403
    story.at(2, 30)
    assert house.aws_does("iam", "GetUser", keys=ada, UserName="nobody")[0] == 404
    story.does("GetSessionToken", "sts", ada)
    story.does("GetFederationToken", "sts", ada, Name="night")
    story.does("ListUsers")
    story.at(4, 1)
    story.does("DeleteUser", UserName="bob")
