-- Whose credentials time may change, and since which position that has to be thought about anew; and the sessions whose
-- end is not recorded yet. Nothing here knows a threshold: those are the domain's (domain/rules/lifecycle.py). A row
-- only nominates; the domain decides.

-- name: schema
-- A subject is whose credentials are looked at together: a user, a role, root, a server certificate, a provider.
create table due_subjects (
    account_id text not null,
    subject_id text not null,
    -- The position of the last event after which something of it may become due earlier than before.
    changed bigint not null,
    primary key (account_id, subject_id)
);
create index due_subjects_changed on due_subjects (account_id, changed);

create table due_accounts (
    account_id text primary key,
    -- The newest of its subjects.
    changed bigint not null,
    -- The position of the last event that concerns them all.
    everything bigint not null default 0
);

-- Sessions whose end is not recorded yet.
create table due_sessions (
    account_id text not null,
    session_id text not null,
    access_key_id text not null,
    principal_arn text not null,
    expires_at timestamptz not null,
    primary key (account_id, session_id)
);
create index due_sessions_end on due_sessions (expires_at);
create index due_sessions_of_account on due_sessions (account_id, expires_at);

-- name: functions
create or replace function subject_named(entry jsonb) returns text
language sql immutable parallel safe as $$
    select coalesce(entry #>> '{event,user_id}', entry #>> '{event,role_id}', entry #>> '{event,owner_id}',
        entry #>> '{event,server_certificate_id}', entry #>> '{event,provider_arn}')
$$;

-- name: account.closed.v1
-- Ends all credentials. A session whose time was over by then has expired nevertheless.
with subjects as (
    delete from due_subjects where account_id = %(account_id)s and %(entry)s is not null
), account as (
    delete from due_accounts where account_id = %(account_id)s
)
delete from due_sessions where account_id = %(account_id)s and expires_at > %(at)s

-- name: iam.user.created.v1
-- name: iam.user.updated.v1
-- name: iam.access_key.created.v1
-- name: iam.access_key.activated.v1
-- name: iam.access_key.deactivated.v1
-- name: iam.login_profile.created.v1
-- name: iam.login_profile.updated.v1
-- name: iam.password.changed.v1
-- name: iam.ssh_public_key.uploaded.v1
-- name: iam.signing_certificate.uploaded.v1
-- name: iam.service_specific_credential.created.v1
-- name: iam.service_specific_credential.reset.v1
-- name: iam.user_credential.activated.v1
-- name: iam.user_credential.deactivated.v1
-- name: iam.mfa_device.enabled.v1
-- name: iam.role.created.v1
-- name: iam.server_certificate.uploaded.v1
-- name: iam.server_certificate.updated.v1
-- name: iam.saml_provider.created.v1
-- name: iam.saml_provider.metadata_replaced.v1
-- name: account.exemption.granted.v1
-- name: account.exemption.revoked.v1
-- Each names whose it is in one way.
with subject as (
    insert into due_subjects (account_id, subject_id, changed)
    values (%(account_id)s, subject_named(%(entry)s), %(position)s)
    on conflict (account_id, subject_id) do update set changed = excluded.changed
)
insert into due_accounts (account_id, changed) values (%(account_id)s, %(position)s)
on conflict (account_id) do update set changed = excluded.changed

-- name: iam.entity.tagged.v1
-- name: iam.entity.untagged.v1
-- Of a group, a policy or the like it makes no difference.
with subject as (
    update due_subjects set changed = %(position)s
    where account_id = %(account_id)s and subject_id = %(entry)s #>> '{event,entity_id}'
    returning account_id
)
update due_accounts set changed = %(position)s from subject where due_accounts.account_id = subject.account_id

-- name: account.lifecycle_profile.set.v1
-- name: account.lifecycle_profile.removed.v1
-- name: account.organization_policies.applied.v1
-- name: account.organization.left.v1
-- name: iam.account.password_policy.updated.v1
-- name: iam.account.password_policy.deleted.v1
insert into due_accounts (account_id, changed, everything)
select %(account_id)s, %(position)s, %(position)s where %(entry)s is not null
on conflict (account_id) do update set changed = excluded.changed, everything = excluded.everything

-- name: iam.user.deleted.v1
-- name: iam.role.deleted.v1
-- name: iam.server_certificate.deleted.v1
-- name: iam.saml_provider.deleted.v1
delete from due_subjects where account_id = %(account_id)s and subject_id = subject_named(%(entry)s)

-- name: sts.session.issued.v1
with issued as materialized (
    select convert_from(state, 'UTF8')::jsonb #> '{event,session}' as session from ledger.uses
    where account_id = %(account_id)s and position > %(after)s and position <= %(to)s
        and topic = 'sts.session.issued.v1'
)
insert into due_sessions (account_id, session_id, access_key_id, principal_arn, expires_at)
select %(account_id)s, session ->> 'session_id', session ->> 'access_key_id', session #>> '{principal,arn}',
    (session ->> 'expires_at')::timestamptz
from issued

-- name: sts.session.revoked.v1
-- One that is revoked when its time was over has expired nevertheless.
delete from due_sessions
where account_id = %(account_id)s and session_id = %(entry)s #>> '{event,session_id}' and expires_at > %(at)s

-- name: sts.session.expiries_recorded.v1
-- Of all these at once, whatever the number of expiries that it stands for.
delete from due_sessions
where account_id = %(account_id)s and expires_at <= (%(entry)s #>> '{event,up_to}')::timestamptz
