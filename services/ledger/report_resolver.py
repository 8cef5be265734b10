"""What reports say, found out beside the round at the position where they were asked for (docs/adr/0052)."""

import time
from datetime import timedelta

import psycopg

from domain.account import Account
from domain.families.reports import (
    TRACKED,
    AccessReport,
    CredentialReport,
    GrantsFacts,
    GrantsQuery,
    OrganizationAccessJob,
    ReportFacts,
    ReportQuery,
    ServiceAccessJob,
)
from domain.families.resource_compliance import ComplianceFacts, ComplianceQuery
from domain.families.unused_permissions import UnusedPermissionsFacts, UnusedPermissionsQuery
from domain.foundation.errors import Throttling
from domain.foundation.identifiers import INSTALLATION
from domain.foundation.moments import Moment
from domain.installation import Installation
from domain.queries.credential_report import credential_report
from domain.queries.organization_access import organization_access, reported_accounts
from domain.queries.service_access import ServiceCatalogue, entities_of, granted_services, service_access
from domain.queries.unused_access import unused_permissions
from projections.engine.runner import ProjectionRunner
from projections.queries.compliance import results_of_resources
from projections.queries.last_accesses import last_uses, last_uses_of_services
from projections.queries.ledger_positions import position_at
from projections.queries.readable import ProjectionBehind, require_readable, same_tables
from services.ledger.historical_states import HistoricalStates
from services.ledger.recorder import ConnectionSource

WAIT_SECONDS_MAX = 1.0
"""For tables, of all accounts together: who asks is told that the job is in progress, and asks again."""


class ReportResolver:
    def __init__(
        self, readers: ConnectionSource, runner: ProjectionRunner, past: HistoricalStates, catalogue: ServiceCatalogue
    ) -> None:
        self._readers = readers
        self._runner = runner
        self._past = past
        self._catalogue = catalogue
        self._compliance_kept: ComplianceFacts | None = None
        """What was found last: clients ask page by page. Any thread may replace it."""

    def facts(
        self, wanted: ReportQuery | GrantsQuery | UnusedPermissionsQuery | ComplianceQuery
    ) -> ReportFacts | GrantsFacts | UnusedPermissionsFacts | ComplianceFacts:
        """Raises what `HistoricalStates.at` raises, and of compliance ProjectionBehind."""
        if isinstance(wanted, GrantsQuery):
            return granted_services(wanted, self._catalogue)
        if isinstance(wanted, UnusedPermissionsQuery):
            return self._unused_permissions(wanted)
        if isinstance(wanted, ComplianceQuery):
            return self._compliance(wanted)
        with self._readers() as connection, connection.cursor() as cursor:
            try:
                return ReportFacts(wanted, self._content(cursor, wanted))
            except ProjectionBehind:
                return ReportFacts(wanted, None)

    def _content(self, cursor: psycopg.Cursor, wanted: ReportQuery) -> bytes | AccessReport:
        """Raises ProjectionBehind."""
        report = wanted.report
        if isinstance(report, CredentialReport):
            return credential_report(self._account(cursor, wanted.account_id, report.position))
        with same_tables(cursor):
            if isinstance(report, OrganizationAccessJob):
                return self._of_organization(cursor, report)
            return self._of_services(cursor, wanted.account_id, report)

    def _of_services(self, cursor: psycopg.Cursor, account_id: str, job: ServiceAccessJob) -> AccessReport:
        account = self._account(cursor, account_id, job.position)
        # The call that asked is a use too: its record stands right behind what it has changed.
        position = job.position + 1
        self._runner.wait(account_id, position, WAIT_SECONDS_MAX, computed=False)
        entity_ids = [entity.id for entity in entities_of(account, job)]
        uses = last_uses(cursor, account_id, entity_ids, position, job.created_at - TRACKED)
        return service_access(account, job, self._catalogue, uses)

    def _unused_permissions(self, wanted: UnusedPermissionsQuery) -> UnusedPermissionsFacts:
        """Raises Throttling while the tables have not come so far."""
        account_id, since = wanted.account_id, wanted.at - timedelta(days=wanted.days)
        with self._readers() as connection, connection.cursor() as cursor:
            position, former = (position_at(cursor, account_id, at) for at in (wanted.at, since))
            accounts = self._account(cursor, account_id, position), self._account(cursor, account_id, former)
            self._runner.wait(account_id, position, WAIT_SECONDS_MAX, computed=False)
            try:
                with same_tables(cursor):
                    uses = last_uses(cursor, account_id, wanted.entity_ids, position, wanted.at - TRACKED)
            except ProjectionBehind:
                raise Throttling("When services were used last is being found out.") from None
        return UnusedPermissionsFacts(wanted, unused_permissions(*accounts, wanted, self._catalogue, uses))

    def _compliance(self, wanted: ComplianceQuery) -> ComplianceFacts:
        kept = self._compliance_kept
        if kept is not None and kept.wanted.position == wanted.position and kept.cover(wanted):
            return kept
        account_id, last = wanted.account_id, Moment(wanted.position, wanted.at)
        if not self._runner.wait(account_id, last.position, WAIT_SECONDS_MAX):
            raise ProjectionBehind(
                f"The projections of {account_id} lag behind: they have not come to position {last.position} yet."
            )
        with self._readers() as connection, connection.cursor() as cursor, same_tables(cursor):
            require_readable(cursor, "compliance")
            account = self._account(cursor, account_id, last.position)
            found = ComplianceFacts(wanted, results_of_resources(cursor, wanted.controls, last, account))
        self._compliance_kept = found
        return found

    def _of_organization(self, cursor: psycopg.Cursor, job: OrganizationAccessJob) -> AccessReport:
        at = position_at(cursor, INSTALLATION, job.created_at)
        installation = self._past.at(cursor, INSTALLATION, at)
        assert isinstance(installation, Installation)
        organization = installation.organization
        assert organization is not None
        until = time.monotonic() + WAIT_SECONDS_MAX
        uses = {}
        for account_id in reported_accounts(organization, job):
            position = position_at(cursor, account_id, job.created_at)
            self._runner.wait(account_id, position, max(0.0, until - time.monotonic()), computed=False)
            since = job.created_at - TRACKED
            uses[account_id] = last_uses_of_services(cursor, account_id, self._catalogue.tracked, position, since)
        return organization_access(organization, job, self._catalogue, uses)

    def _account(self, cursor: psycopg.Cursor, account_id: str, position: int) -> Account:
        account = self._past.at(cursor, account_id, position)
        assert isinstance(account, Account)
        return account
