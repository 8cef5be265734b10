-- What time will make due, as facts and since when they hold. Nothing here knows a threshold: those are the domain's
-- (domain/lifecycle.py), and a rule that changes needs no rebuild. A row only nominates; the domain decides.
-- fits: 67213c6f92ce05b084ad125b73f38138c027edc054874df9b2677e897e7b01a5
-- fits: 394b1a04abe3104155cc0c042986343e74294d1dd77f2f1e2241b9d32da6f406

-- name: schema
-- Of an access key, its age ('rotation') and its last use ('idle').
create table due_access_keys (
    account_id text not null,
    access_key_id text not null,
    fact text not null check (fact in ('rotation', 'idle')),
    -- The notice that was given last about the fact.
    stage text not null default 'none' check (stage in ('none', 'rotation_warned', 'rotation_due', 'told')),
    since timestamptz not null,
    active boolean not null default true,
    primary key (account_id, access_key_id, fact)
);
-- Over all accounts: who asks for what has become due reads one range for each rule, and nothing else.
create index due_access_keys_since on due_access_keys (fact, stage, since) where active;

create table due_passwords (
    account_id text not null,
    user_id text not null,
    changed_at timestamptz not null,
    -- By the account's policy; null while it lets no password expire.
    expires_at timestamptz,
    -- The end that the last notice told.
    told timestamptz,
    primary key (account_id, user_id)
);
create index due_passwords_end on due_passwords (expires_at) where expires_at is distinct from told;

create table due_password_ages (
    account_id text primary key,
    -- Exactly 24 hours each, wherever the database thinks that it is.
    age_max interval
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

-- name: account.closed.v1
-- Ends all credentials. A session whose time was over by then has expired nevertheless.
with keys as (
    delete from due_access_keys where account_id = %(account_id)s and %(entry)s is not null
), passwords as (
    delete from due_passwords where account_id = %(account_id)s
)
delete from due_sessions where account_id = %(account_id)s and expires_at > %(at)s

-- name: iam.access_key.created.v1
insert into due_access_keys (account_id, access_key_id, fact, since)
select %(account_id)s, %(entry)s #>> '{event,access_key_id}', fact, %(at)s
from unnest(array['rotation', 'idle']) as fact

-- name: iam.access_key.activated.v1
-- name: iam.access_key.deactivated.v1
update due_access_keys set active = %(topic)s = 'iam.access_key.activated.v1'
where account_id = %(account_id)s and access_key_id = %(entry)s #>> '{event,access_key_id}'

-- name: iam.access_key.deleted.v1
delete from due_access_keys
where account_id = %(account_id)s and access_key_id = %(entry)s #>> '{event,access_key_id}'

-- name: iam.credential.used.v1
-- A role's use is no access key's.
update due_access_keys set since = %(at)s, stage = 'none'
where account_id = %(account_id)s and access_key_id = %(entry)s #>> '{event,credential_id}' and fact = 'idle'
    and %(entry)s #>> '{event,credential}' = 'access_key'

-- name: iam.access_key.rotation_warned.v1
-- name: iam.access_key.rotation_due.v1
update due_access_keys set stage = split_part(%(topic)s, '.', 3)
where account_id = %(account_id)s and access_key_id = %(entry)s #>> '{event,credential_id}' and fact = 'rotation'

-- name: iam.access_key.rotation_overdue.v1
update due_access_keys set stage = 'told'
where account_id = %(account_id)s and access_key_id = %(entry)s #>> '{event,credential_id}' and fact = 'rotation'

-- name: iam.credential.idle.v1
update due_access_keys set stage = 'told'
where account_id = %(account_id)s and access_key_id = %(entry)s #>> '{event,credential_id}' and fact = 'idle'

-- name: iam.login_profile.created.v1
insert into due_passwords (account_id, user_id, changed_at, expires_at)
values (%(account_id)s, %(entry)s #>> '{event,user_id}', %(at)s,
    %(at)s + (select age_max from due_password_ages where account_id = %(account_id)s))

-- name: iam.login_profile.updated.v1
-- name: iam.password.changed.v1
-- Another password only where the event has its id.
update due_passwords set changed_at = %(at)s,
    expires_at = %(at)s + (select age_max from due_password_ages where account_id = %(account_id)s)
where account_id = %(account_id)s and user_id = %(entry)s #>> '{event,user_id}'
    and %(entry)s #>> '{event,password_id}' is not null

-- name: iam.login_profile.deleted.v1
delete from due_passwords where account_id = %(account_id)s and user_id = %(entry)s #>> '{event,user_id}'

-- name: iam.password.expired.v1
update due_passwords set told = (%(entry)s #>> '{event,due_at}')::timestamptz
where account_id = %(account_id)s and user_id = %(entry)s #>> '{event,credential_id}'

-- name: iam.account.password_policy.updated.v1
with policy as (
    insert into due_password_ages (account_id, age_max)
    values (%(account_id)s, make_interval(hours => 24 * (%(entry)s #>> '{event,max_password_age}')::int))
    on conflict (account_id) do update set age_max = excluded.age_max
    returning age_max
)
update due_passwords set expires_at = changed_at + (select age_max from policy) where account_id = %(account_id)s

-- name: iam.account.password_policy.deleted.v1
with policy as (
    delete from due_password_ages where account_id = %(account_id)s and %(entry)s is not null
)
update due_passwords set expires_at = null where account_id = %(account_id)s

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
