"""One account and its operations as a stock client has them, without network, signature and database: botocore writes
the request and reads the answer, the round's decision and the fold between them are the server's own."""

import json
import random
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import quote, urlencode

import argon2
import botocore.parsers
import botocore.serialize

from domain import installation
from domain.account import Account, evolve
from domain.calls import ApiCalled, Facts, FactsQuery, NeedsAccounts, NeedsFacts, NeedsPolicies, NewSecret, Outcome
from domain.descent import owner_of_maker
from domain.families.access_keys import AccessKeyCreated
from domain.families.authorization_messages import MessageFacts, MessageQuery
from domain.families.mfa_devices import MFACodeQuery
from domain.families.passwords import PasswordQuery
from domain.families.reports import CredentialReport, GrantsQuery, ReportFacts, ReportQuery, ServiceAccessJob
from domain.families.resource_compliance import ComplianceQuery
from domain.families.saml_providers import SAMLQuery
from domain.families.sessions import Session, SessionIssued
from domain.families.unused_permissions import UnusedPermissionsFacts, UnusedPermissionsQuery
from domain.foundation.errors import Refusal
from domain.foundation.events import Cause, Change, Entry, Event
from domain.foundation.identifiers import ACCESS_KEY, INSTALLATION, new_access_key_id
from domain.foundation.key_material import CertificateQuery, SSHPublicKeyQuery
from domain.foundation.long_texts import TextFacts, TextQuery, text_digest
from domain.foundation.secret import Secret, SecretId, SecretKind
from domain.installation import Installation
from domain.ledger_state import LedgerState, empty
from domain.policy.comparison import PolicyCheck, PolicyCheckFacts
from domain.queries.credential_report import credential_report
from domain.queries.organization_access import organization_access, reported_accounts
from domain.queries.service_access import entities_of, granted_services, service_access
from domain.queries.unused_access import unused_permissions
from domain.read_models.last_accesses import OperationUse, ServiceUse
from domain.rules import accounts
from domain.time_travel import PastFacts, PastQuery
from services.api.action_catalogue import CATALOGUE
from services.aws_services import aws_protocols
from services.ledger.pending_call import CallResult, DecideCall
from services.saml_documents import read_saml
from services.secrets import totp
from services.secrets.key_material import read_key_material
from services.secrets.passwords import PasswordHashes
from services.wire import operations
from services.wire.authentication import VerifiedCredential
from services.wire.decision import AuthenticatedRequest, decision_for
from services.wire.fact_rounds import NOTHING_FOUND
from services.wire.form_input import form_fields
from services.wire.json_input import BODY, PATH, QUERY, decode_body, query_values
from services.wire.protocols.ec2 import Ec2ServiceModel
from services.wire.protocols.json_1_1 import TargetedServiceModel
from services.wire.protocols.query import QueryServiceModel
from services.wire.protocols.rest_json import RestServiceModel
from tests.services.found_compliance import found_compliance

ACCOUNT = "123456789012"
BEGAN_AT = datetime(2026, 1, 31, 12, tzinfo=UTC)
PROTOCOLS = {service: protocol for protocol in aws_protocols() for service in protocol.services}
ServiceDescription = QueryServiceModel | RestServiceModel | Ec2ServiceModel | TargetedServiceModel
SERVICES: dict[str, ServiceDescription] = {
    service: protocol.described(service) for service, protocol in PROTOCOLS.items()
}
ALL = [operation for operation in operations.all_operations() if operation.service in SERVICES]
"""Not those of the native API, which speak no protocol of botocore's."""
SERVICE_OF = {operation.name: operation.service for operation in sorted(ALL, key=lambda each: each.service == "iam")}
"""Of what is called alike in IAM and Organizations, IAM's."""


def service_of(operation: str) -> str:
    """By its name, or by its action where others are called alike."""
    service, colon, _ = operation.partition(":")
    return service if colon else SERVICE_OF[operation]


HASHES = PasswordHashes(argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
"""As cheap as argon2id gets: nothing is guarded here."""

Members = dict[str, Any]
Statement = dict[str, object]


def seal(session: Session, secret: Secret, characters_min: int) -> str:
    """Stands for the sealed token, whose making is no affair of an operation."""
    return f"token of {session.session_id}, {len(secret.reveal())}".ljust(characters_min, "=")


class Claims:
    """The installation's ledger, beside those of accounts."""

    def __init__(self) -> None:
        self.value = Installation(position=1)

    def append(self, events: Sequence[Event], cause: Cause, at: datetime) -> None:
        for event in events:
            entry = Entry(INSTALLATION, self.value.position + 1, "", at, cause, event)
            if isinstance(event, Change):
                self.value = installation.evolve(self.value, entry)


class Endpoint:
    """What a server holds for one account. Its clock is moved by hand, its randomness is the same each time.

    `beside` is another account of the same installation, whose ledger calls may read and write."""

    def __init__(
        self, account_id: str = ACCOUNT, beside: "Endpoint | None" = None, partition: accounts.Partition = "aws"
    ) -> None:
        self.account = Account(account_id)
        self.ledgers: dict[str, Endpoint] = {} if beside is None else beside.ledgers
        self.ledgers[account_id] = self
        self.claims: Claims = Claims() if beside is None else beside.claims
        self.at = BEGAN_AT
        self.moment: str | None = None
        """p<position>, while calls are about the past."""
        self.signed_for = "eu-central-1"
        self.entries: list[Entry] = []
        self.secrets: dict[SecretId, NewSecret] = {}
        self.texts: dict[str, str] = {}
        """By digest."""
        self._random = random.Random(int(account_id)).randbytes  # noqa: S311  known beforehand, as a test's has to be
        claims, beginning = accounts.open_account(self.claims.value, account_id, partition, self._random)
        key_id = new_access_key_id(ACCESS_KEY, account_id, self._random)
        cause = Cause(origin="operator", request_id="0", shared_id="0", service="", operation="")
        self.claims.append(claims, cause, self.at)
        self._append(
            [*beginning, AccessKeyCreated(access_key_id=key_id, user_id=account_id, user_name=account_id)], cause
        )
        self.root = VerifiedCredential(account_id, key_id, None)
        secret_id = SecretId(SecretKind.ACCESS_KEY, key_id)
        self.secrets[secret_id] = NewSecret(secret_id, account_id, Secret("of the root user"))

    def call(self, by: VerifiedCredential, operation: str, **members: object) -> Members:
        """The answer, as botocore gives it, of now or of the moment in `self.moment`. Raises the refusal, if its code
        is one that clients can know."""
        service, operation = SERVICES[service_of(operation)], operation.rpartition(":")[2]
        model = service._model.operation_model(operation)
        sent = botocore.serialize.create_serializer(service.protocol).serialize_to_request(members, model)
        if isinstance(service, RestServiceModel):
            return self._call_by_path(by, service, operation, sent)
        if isinstance(service, TargetedServiceModel):
            targeted, body = service.operation(operation), sent["body"]
            outcome = self._performed(
                by,
                f"{service.name}:{operation}",
                lambda: targeted.parse({PATH: {}, QUERY: {}, BODY: decode_body(body)}),
            )
            return self._read(service, operation, targeted.serialise(outcome.answer(self.account)))
        fields = sent["body"]
        body = urlencode({name: value for name, value in fields.items() if name not in {"Action", "Version"}})
        return self.post(by, operation, body)

    def post(self, by: VerifiedCredential, operation: str, body: str) -> Members:
        """`call` with a form of one's own, without Action and Version."""
        service = SERVICES[service_of(operation)]
        assert isinstance(service, QueryServiceModel | Ec2ServiceModel)
        shape = service.operation(operation)
        outcome = self._performed(by, operation, lambda: shape.parse(form_fields(body.encode(), b"")))
        return self._read(service, operation, shape.serialise(outcome.answer(self.account), "r"))

    def _call_by_path(
        self, by: VerifiedCredential, service: RestServiceModel, operation: str, sent: Members
    ) -> Members:
        path, query = (
            quote(sent["url_path"], safe="/%").encode(),
            urlencode(sent["query_string"], doseq=True, quote_via=quote),
        )
        name, in_path = service.route(sent["method"], path)
        assert name == operation
        shape = service.operation(operation)
        outcome = self._performed(
            by,
            f"{service.name}:{operation}",
            lambda: shape.parse(
                {PATH: {**in_path}, QUERY: query_values(query.encode()), BODY: decode_body(sent["body"])}
            ),
        )
        return self._read(service, operation, shape.serialise(outcome.answer(self.account)))

    def _read(self, service: ServiceDescription, operation: str, document: bytes) -> Members:
        """As a client does."""
        answer: Members = botocore.parsers.create_parser(service.protocol).parse(
            {"body": document, "headers": {}, "status_code": 200},
            service._model.operation_model(operation).output_shape,
        )
        del answer["ResponseMetadata"]
        return answer

    def _performed(self, by: VerifiedCredential, operation: str, parse: Callable[[], Members]) -> Outcome:
        """What comes of a round, whose events are in the ledgers. Raises the refusal, if clients can know it."""
        service = SERVICES[service_of(operation)]
        called = operations.find_operation(service.name, operation.rpartition(":")[2])
        request = AuthenticatedRequest(by, self.cause(by, operation), called, {}, as_of=self.moment)
        try:
            request = replace(request, parameters=parse())
        except Refusal as refusal:
            request = replace(request, refusal=refusal)
        decided, found = None, NOTHING_FOUND
        while decided is None:
            try:
                decided = self._decided(decision_for(request, self._random, seal, found))
            except NeedsFacts as needed:
                try:
                    found = found.with_facts(self.find(needed.wanted))
                except Refusal as refusal:
                    found = found._replace(refusal=refusal.as_value())
        for append in decided.appends:
            if append.account_id == INSTALLATION:
                self.claims.append(append.events, append.cause, self.at)
                continue
            ledger = self.ledgers[append.account_id]
            ledger._append(append.events, append.cause)
            ledger.secrets |= {new.id: new for new in append.new_secrets}
            ledger.texts |= {text_digest(text): text for text in append.new_texts}
            for secret_id in append.destroyed_secrets:
                del ledger.secrets[secret_id]
        if isinstance(decided.result, Refusal):
            PROTOCOLS[service.name].refuse(decided.result, service.name, "r")
            raise decided.result
        assert isinstance(decided.result, Outcome)
        return decided.result

    def _decided(self, decide: DecideCall) -> CallResult:
        """As a round does it: at first with the caller's account alone."""
        values: dict[str, LedgerState] = {self.account.id: self.account}
        while True:
            try:
                return decide(values, self.at)
            except NeedsPolicies as unread:
                for policy in unread.policies:
                    assert policy.statements
                continue
            except NeedsAccounts as more:
                needed = more.accounts
            assert not needed <= values.keys()
            for account_id in needed:
                values[account_id] = self._value_of(account_id)

    def _value_of(self, account_id: str) -> LedgerState:
        if account_id == INSTALLATION:
            return self.claims.value
        return self.ledgers[account_id].account if account_id in self.ledgers else empty(account_id)

    def _value_at(self, account_id: str, at: datetime) -> LedgerState:
        if account_id not in self.ledgers:
            return self._value_of(account_id)
        there = self.ledgers[account_id]
        return there.as_of(sum(entry.at <= at for entry in there.entries))

    def find(self, wanted: FactsQuery) -> Facts:
        """What is found out between two rounds. No authorization message is one of this account's: nobody seals any."""
        if isinstance(wanted, MessageQuery):
            return MessageFacts(None)
        if isinstance(wanted, PastQuery):
            # Always a position of this account's here. The installation has nothing that a test would look back for.
            position = int(wanted.moment.removeprefix("p"))
            at = self.entries[position - 1].at
            others = {account_id: self._value_at(account_id, at) for account_id in wanted.account_ids[1:]}
            return PastFacts(at, {self.account.id: self.as_of(position), **others})
        if isinstance(wanted, ReportQuery | GrantsQuery):
            return self._report(wanted)
        if isinstance(wanted, ComplianceQuery):
            return found_compliance(self.entries, wanted)
        if isinstance(wanted, UnusedPermissionsQuery):
            since = wanted.at - timedelta(days=wanted.days)
            now, former = (self.as_of(sum(entry.at <= at for entry in self.entries)) for at in (wanted.at, since))
            uses = (use for use in self._uses(now.position) if use.entity_id in wanted.entity_ids)
            return UnusedPermissionsFacts(wanted, unused_permissions(now, former, wanted, CATALOGUE, uses))
        return self._looked_up(wanted)

    def _looked_up(self, wanted: FactsQuery) -> Facts:
        def kept(kind: SecretKind, name: str) -> Secret | None:
            found = self.secrets.get(SecretId(kind, name))
            return None if found is None else found.secret

        if isinstance(wanted, MFACodeQuery):
            return totp.found(wanted, kept(SecretKind.MFA_SEED, wanted.seed_id))
        if isinstance(wanted, PasswordQuery):
            return HASHES.found(wanted, partial(kept, SecretKind.PASSWORD))
        if isinstance(wanted, SAMLQuery):
            return read_saml(wanted)
        if isinstance(wanted, PolicyCheck):
            return PolicyCheckFacts(wanted.compare())
        if isinstance(wanted, TextQuery):
            return TextFacts({sha256: self.texts[sha256] for sha256 in wanted.sha256s})
        assert isinstance(wanted, SSHPublicKeyQuery | CertificateQuery), "There are no tables here."
        return read_key_material(wanted)

    def _report(self, wanted: ReportQuery | GrantsQuery) -> Facts:
        """From the entries, where a server reads tables."""
        if isinstance(wanted, GrantsQuery):
            return granted_services(wanted, CATALOGUE)
        report = wanted.report
        if isinstance(report, CredentialReport):
            return ReportFacts(wanted, credential_report(self.as_of(report.position)))
        if isinstance(report, ServiceAccessJob):
            then = self.as_of(report.position)
            ids = {entity.id for entity in entities_of(then, report)}
            uses = [use for use in self._uses(report.position + 1) if use.entity_id in ids]
            return ReportFacts(wanted, service_access(then, report, CATALOGUE, uses))
        organization = self.claims.value.organization
        assert organization is not None
        by_account = {}
        for account_id in reported_accounts(organization, report):
            uses = self.ledgers[account_id]._uses(None)
            last = {use.service: ServiceUse(use.service, use.at, use.region) for use in uses}
            by_account[account_id] = list(last.values())
        return ReportFacts(wanted, organization_access(organization, report, CATALOGUE, by_account))

    def _uses(self, position: int | None) -> list[OperationUse]:
        """Each, in order."""
        calls = (entry for entry in self.entries[:position] if isinstance(entry.event, ApiCalled))
        made = ((entry.cause, entry.at) for entry in calls)
        return [
            OperationUse(owner_of_maker(cause) or "", cause.service, cause.operation, at, cause.region)
            for cause, at in made
        ]

    def cause(self, by: VerifiedCredential, operation: str) -> Cause:
        return Cause(
            origin="api",
            request_id=f"{len(self.entries):032x}",
            shared_id=f"{len(self.entries):032x}",
            service=service_of(operation),
            operation=operation.rpartition(":")[2],
            access_key_id=by.access_key_id,
            session_id=by.session.session_id if by.session else None,
            peer_address="192.0.2.1",
            user_agent="a stock client",
            region=self.signed_for,
        )

    def append(self, *events: Event) -> None:
        """What no operation does yet."""
        self._append(events, Cause(origin="operator", request_id="0", shared_id="0", service="", operation=""))

    def _append(self, events: Sequence[Event], cause: Cause) -> None:
        for event in events:
            entry = Entry(self.account.id, len(self.entries) + 1, f"{len(self.entries):032x}", self.at, cause, event)
            self.entries.append(entry)
            if isinstance(event, Change):
                self.account = evolve(self.account, entry)

    def fork(self) -> "Endpoint":
        """Another that has come to the same point, by itself. Only of an account that has none beside it."""
        assert self.ledgers == {self.account.id: self}
        other = copy(self)
        other.ledgers = {self.account.id: other}
        other.entries, other.secrets, other.claims = list(self.entries), dict(self.secrets), copy(self.claims)
        return other

    def later(self, **duration: float) -> None:
        self.at += timedelta(**duration)

    @property
    def record(self) -> ApiCalled:
        """Of the last call."""
        event = self.entries[-1].event
        assert isinstance(event, ApiCalled)
        return event

    def as_of(self, position: int) -> Account:
        """The account folded anew, up to there."""
        account = Account(self.account.id)
        for entry in self.entries[:position]:
            if isinstance(entry.event, Change):
                account = evolve(account, entry)
        return account

    def user(self, name: str, *statements: Statement, path: str = "/") -> VerifiedCredential:
        """A key of a new user, who may do what the statements say."""
        self.call(self.root, "CreateUser", UserName=name, Path=path)
        if statements:
            self.call(self.root, "PutUserPolicy", UserName=name, PolicyName="may", PolicyDocument=document(*statements))
        key = self.call(self.root, "CreateAccessKey", UserName=name)["AccessKey"]
        return VerifiedCredential(self.account.id, key["AccessKeyId"], None)

    def role(self, name: str, trust: Statement, *statements: Statement) -> str:
        """The ARN of a new role, which trusts as `trust` says and may do what the statements say."""
        role = self.call(self.root, "CreateRole", RoleName=name, AssumeRolePolicyDocument=document(trust))["Role"]
        if statements:
            self.call(self.root, "PutRolePolicy", RoleName=name, PolicyName="may", PolicyDocument=document(*statements))
        return str(role["Arn"])

    def session(self, by: VerifiedCredential, operation: str = "AssumeRole", **members: object) -> VerifiedCredential:
        """The credential of a new session. AssumeRole takes the session name `night` unless told otherwise."""
        if operation == "AssumeRole":
            members = {"RoleSessionName": "night"} | members
        key_id = self.call(by, operation, **members)["Credentials"]["AccessKeyId"]
        (session,) = (
            entry.event.session
            for ledger in self.ledgers.values()
            for entry in ledger.entries
            if isinstance(entry.event, SessionIssued) and entry.event.session.access_key_id == key_id
        )
        return VerifiedCredential(session.principal.account_id, key_id, session)


def arn(resource: str, service: str = "iam") -> str:
    return f"arn:aws:{service}::{ACCOUNT}:{resource}"


def document(*statements: Statement) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def allow(action: str = "*", resource: str | list[str] = "*", **elements: object) -> Statement:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **elements}


def deny(action: str = "*", resource: str = "*", **elements: object) -> Statement:
    return allow(action, resource, **elements) | {"Effect": "Deny"}


def trusting(*principals: str, **elements: object) -> Statement:
    return {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": principals}, **elements}
