"""The explanations of all that a server has decided, asked for in this process: a command each takes too long."""

import configparser
import json
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.httpsession import URLLib3Session

from tests.clients.server import Server


def explanations(server: Server) -> list[dict[str, Any]]:
    """Of each call in the account's history that policies decided, in its order."""
    calls = _asked(server, "/v1/history?limit=1000")["calls"]
    return [_asked(server, f"/v1/decisions/{call['request_id']}") for call in calls if call["decisions"]]


def _asked(server: Server, path: str) -> dict[str, Any]:
    profile = configparser.ConfigParser(interpolation=None)
    profile.read(server.data / "aws-profile")
    section = profile["profile muniment"]
    credentials = Credentials(section["aws_access_key_id"], section["aws_secret_access_key"])
    request = AWSRequest("GET", server.endpoint + path)
    SigV4Auth(credentials, "muniment", "us-east-1").add_auth(request)
    response = URLLib3Session().send(request.prepare())
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = json.loads(response.content)
    return answer
