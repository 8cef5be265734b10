-- Who has violated what control's criterion, from when to when. What makes the rows is compliance.py, beside this file:
-- each change says by itself, from the account's value before it and after it, what it has begun or ended.

-- name: schema
create table violations (
    account_id text not null,
    -- The check and its parameters.
    criterion text not null,
    -- An access key id, a unique id, an ARN, or the account's own id.
    subject_id text not null,
    -- Whose it is: a user, a role, a group, a policy, a provider, a certificate, or the account.
    holder_id text not null,
    holder_name text not null,
    -- The change that it rests on; by time it has begun later than that.
    from_position bigint not null,
    from_at timestamptz not null,
    by_time boolean not null,
    opened_by text not null,
    -- When it has ended, or will by itself unless something changes; with a position when a change has ended it.
    ends_at timestamptz,
    to_position bigint,
    closed_by text,
    -- Whether changes still alter it. Of a criterion and subject at most one is so.
    is_current boolean not null,
    primary key (account_id, criterion, subject_id, from_position)
);
create unique index violations_current on violations (account_id, criterion, subject_id) where is_current;
-- Those that have opened or closed lately.
create index violations_by_opening on violations (account_id, from_at);
create index violations_by_end on violations (account_id, ends_at) where ends_at is not null;

-- The criteria of frameworks that the account has adopted, or had: what opens and closes is recorded in its ledger.
create table watched_criteria (
    account_id text not null,
    criterion text not null,
    -- What is later is not.
    until timestamptz,
    primary key (account_id, criterion)
);

-- Up to where that was done, of accounts that have adopted frameworks: behind what opened or closed at that time, with
-- keys up to that one.
create table violations_recorded (
    account_id text primary key,
    up_to timestamptz not null,
    key text collate "C" not null
);

-- Who was exempt from which controls, or with which credentials from the rules of the lifecycle profile. The row is true
-- until `until`, or until it is closed before.
create table exemptions (
    like intervals,
    exemption_id text not null,
    owner_id text not null,
    owner_name text not null,
    kinds jsonb not null,
    controls jsonb not null,
    -- Of each a digest of what it looked at.
    asked jsonb not null,
    reason text not null,
    until timestamptz not null,
    ended_as text check (ended_as in ('revoked', 'expired', 'replaced', 'owner gone')),
    primary key (account_id, valid_from, exemption_id)
);
create unique index exemptions_open on exemptions (account_id, exemption_id) where valid_to is null;
create index exemptions_by_owner on exemptions (account_id, owner_id) where valid_to is null;

-- name: functions
-- Both give how many have ended.
create or replace function end_exemption(in_account text, at_position bigint, at_time timestamptz, entry jsonb,
    ending text) returns bigint language sql as $$
    with ended as (
        update exemptions
        set valid_to = at_position, valid_to_at = at_time, closed_by = actor(entry), ended_as = ending
        where account_id = in_account and valid_to is null and exemption_id = entry #>> '{event,exemption_id}'
        returning 1
    )
    select count(*) from ended
$$;

create or replace function end_exemptions_of(owner text, in_account text, at_position bigint, at_time timestamptz,
    entry jsonb) returns bigint language sql as $$
    with ended as (
        update exemptions
        set valid_to = at_position, valid_to_at = at_time, closed_by = actor(entry), ended_as = 'owner gone'
        where account_id = in_account and valid_to is null and owner_id = owner
        returning 1
    )
    select count(*) from ended
$$;

-- name: replaced
-- Criteria that an account has adopted are looked at from its beginning.
delete from violations using jsonb_to_recordset(%(rows)s) as anew (criterion text)
where violations.account_id = %(account_id)s and violations.criterion = anew.criterion

-- name: vanished
delete from violations using jsonb_to_recordset(%(rows)s) as gone (criterion text, subject_id text)
where violations.account_id = %(account_id)s and is_current
    and violations.criterion = gone.criterion and violations.subject_id = gone.subject_id

-- name: moved
update violations set ends_at = moved.ends_at
from jsonb_to_recordset(%(rows)s) as moved (criterion text, subject_id text, ends_at timestamptz)
where violations.account_id = %(account_id)s and is_current
    and violations.criterion = moved.criterion and violations.subject_id = moved.subject_id

-- name: over
update violations set is_current = false
from jsonb_to_recordset(%(rows)s) as over (criterion text, subject_id text)
where violations.account_id = %(account_id)s and is_current
    and violations.criterion = over.criterion and violations.subject_id = over.subject_id

-- name: ended
update violations
set is_current = false, ends_at = ended.ends_at, to_position = ended.to_position, closed_by = ended.closed_by
from jsonb_to_recordset(%(rows)s)
    as ended (criterion text, subject_id text, ends_at timestamptz, to_position bigint, closed_by text)
where violations.account_id = %(account_id)s and is_current
    and violations.criterion = ended.criterion and violations.subject_id = ended.subject_id

-- name: begun
insert into violations (account_id, criterion, subject_id, holder_id, holder_name, from_position, from_at, by_time,
    opened_by, ends_at, to_position, closed_by, is_current)
select %(account_id)s, criterion, subject_id, holder_id, holder_name, from_position, from_at, by_time, opened_by,
    ends_at, to_position, closed_by, is_current
from jsonb_to_recordset(%(rows)s)
    as begun (criterion text, subject_id text, holder_id text, holder_name text, from_position bigint,
        from_at timestamptz, by_time boolean, opened_by text, ends_at timestamptz, to_position bigint, closed_by text,
        is_current boolean)

-- name: watched
insert into watched_criteria (account_id, criterion, until)
select %(account_id)s, criterion, until from jsonb_to_recordset(%(rows)s) as changed (criterion text, until timestamptz)
on conflict (account_id, criterion) do update set until = excluded.until

-- name: account.compliance_framework.adopted.v1
insert into violations_recorded (account_id, up_to, key) select %(account_id)s, %(at)s, '' where %(entry)s is not null
on conflict (account_id) do nothing

-- name: account.compliance_violations.recorded.v1
update violations_recorded
set up_to = (%(entry)s #>> '{event,recorded,up_to}')::timestamptz, key = %(entry)s #>> '{event,recorded,key}'
where account_id = %(account_id)s

-- name: account.exemption.granted.v1
-- The count makes the former row of this exemption close before the new one opens.
insert into exemptions
select new.* from end_exemption(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'replaced') as former
cross join lateral opened(null::exemptions, %(account_id)s, %(position)s, %(at)s, %(entry)s,
    jsonb_build_object('controls', coalesce(%(entry)s #> '{event,controls}', '[]'),
        'asked', coalesce(%(entry)s #> '{event,asked}', '[]'))) as new

-- name: account.exemption.revoked.v1
-- name: account.exemption.expired.v1
select end_exemption(%(account_id)s, %(position)s, %(at)s, %(entry)s, split_part(%(topic)s, '.', 3))

-- name: iam.user.deleted.v1
-- name: iam.group.deleted.v1
-- name: iam.role.deleted.v1
-- name: iam.policy.deleted.v1
-- name: iam.server_certificate.deleted.v1
-- name: iam.saml_provider.deleted.v1
-- name: iam.oidc_provider.deleted.v1
-- name: iam.mfa_device.deleted.v1
select end_exemptions_of(coalesce(%(entry)s #>> '{event,user_id}', %(entry)s #>> '{event,group_id}',
    %(entry)s #>> '{event,role_id}', %(entry)s #>> '{event,policy_arn}',
    %(entry)s #>> '{event,server_certificate_id}', %(entry)s #>> '{event,provider_arn}',
    %(entry)s #>> '{event,serial_number}'),
    %(account_id)s, %(position)s, %(at)s, %(entry)s)

-- name: account.closed.v1
delete from violations_recorded where account_id = %(account_id)s and %(entry)s is not null
