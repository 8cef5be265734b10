"""Asking a running server, with the credentials, the region and the endpoint that the aws command would use."""

import json
import os
import re
from importlib.metadata import version
from typing import TypeVar
from urllib.parse import quote, urlencode, urlsplit

import pydantic
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError, EndpointConnectionError
from botocore.httpsession import URLLib3Session
from botocore.session import Session
from botocore.utils import get_environ_proxies

from services.api.contract.question import SERVICE, Answer, Question
from services.cli.lib.terminal import Failure

VERSION = version("muniment")
REGION_DEFAULT = "us-east-1"
TIMEOUT_SECONDS = 30
OK = 200
SERVICES = ("iam", "sts")
"""Both are at the endpoint of this one."""

UNAVAILABLE = "ServiceUnavailable"

A = TypeVar("A", bound=Answer)


class Unavailable(Failure):
    """The server cannot answer this now, and may soon."""


class RemoteClient:
    """One server."""

    def __init__(self, profile: str | None, endpoint_url: str | None) -> None:
        """Raises Failure when there are no credentials or no endpoint."""
        session = Session(profile=profile)
        try:
            credentials = session.get_credentials()
            configured = _configured_endpoint(session)
            region = session.get_config_variable("region") or REGION_DEFAULT
            verify = session.get_config_variable("ca_bundle") or True
        except BotoCoreError as error:
            raise Failure(str(error)) from error
        if credentials is None:
            raise Failure("No credentials found: export AWS_CONFIG_FILE and AWS_PROFILE, or use --profile or --local.")
        endpoint = endpoint_url or configured
        if endpoint is None:
            raise Failure(
                "No endpoint found: use --endpoint-url, AWS_ENDPOINT_URL, or endpoint_url in profile or services."
            )
        self._endpoint = _checked_endpoint(endpoint)
        self._signer = SigV4Auth(credentials, SERVICE, region)
        self._http = URLLib3Session(proxies=get_environ_proxies(self._endpoint), verify=verify, timeout=TIMEOUT_SECONDS)

    def ask(self, question: Question[A]) -> A:
        """Raises Failure, with the code and the message of the server where it refused."""
        try:
            request = self._request(question)
            self._signer.add_auth(request)
            response = self._http.send(request.prepare())
        except EndpointConnectionError as error:
            raise Failure(f"{error}. Is the server running? Start it with `make run` or `muniment serve`.") from error
        except BotoCoreError as error:
            raise Failure(str(error)) from error
        if response.status_code != OK:
            raise self._refused(response.status_code, response.content)
        try:
            return question.read(response.content)
        except pydantic.ValidationError as error:
            raise Failure(
                f"{self._endpoint} answered what this program does not understand: is it muniment of version {VERSION}?"
            ) from error

    def _request(self, question: Question[A]) -> AWSRequest:
        parameters = question.model_dump(mode="json", exclude_none=True, exclude_unset=True)
        path = re.sub(r"\{(\w+)\}", lambda name: quote(str(parameters.pop(name[1])), safe=""), question.path)
        headers = {"User-Agent": f"muniment/{VERSION}"}
        if question.method == "GET":
            query = urlencode(parameters, quote_via=quote)
            return AWSRequest("GET", f"{self._endpoint}{path}?{query}", headers)
        headers["Content-Type"] = "application/json"
        return AWSRequest(question.method, self._endpoint + path, headers, json.dumps(parameters).encode())

    def _refused(self, status: int, body: bytes) -> Failure:
        try:
            error = json.loads(body)["error"]
            kind = Unavailable if error["code"] == UNAVAILABLE else Failure
            return kind(f"{error['code']}: {error['message']}")
        except (ValueError, LookupError, TypeError):
            return Failure(f"{self._endpoint} answered {status} and no error of ours: is it muniment?")


def _configured_endpoint(session: Session) -> str | None:
    """Where the aws command would find IAM, or else STS (AWS SDKs and Tools Reference Guide, "Service-specific
    endpoints"): environment before configuration, a service's own before that of all. Raises Failure."""
    if session.get_config_variable("ignore_configured_endpoint_urls"):
        return None
    profile = session.get_scoped_config()
    name = profile.get("services")
    sections = session.full_config.get("services", {})
    if name is not None and name not in sections:
        raise Failure(f"The profile names the section [services {name}], which is not in the configuration.")
    section = sections.get(name, {})
    own = [section.get(service, {}) for service in SERVICES]
    found = [os.environ.get(f"AWS_ENDPOINT_URL_{service.upper()}") for service in SERVICES]
    found += [os.environ.get("AWS_ENDPOINT_URL"), *(each.get("endpoint_url") for each in own if isinstance(each, dict))]
    return next(filter(None, [*found, profile.get("endpoint_url")]), None)


def _checked_endpoint(endpoint: str) -> str:
    refusal = Failure(f"An endpoint is a URL such as http://127.0.0.1:8420, without a path; got {endpoint!r}.")
    try:
        parts = urlsplit(endpoint)
        _ = parts.port  # Is read here, and not when it was given.
    except ValueError:
        raise refusal from None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path not in ("", "/") or parts.query:
        raise refusal
    return f"{parts.scheme}://{parts.netloc}"
