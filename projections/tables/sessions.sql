-- Every session that was issued, and what ended it before its time.

-- name: schema
create table sessions (
    account_id text not null,
    position bigint not null,
    session_id text not null,
    access_key_id text not null,
    principal_type text not null,
    principal_arn text not null,
    -- The role or user, or the account itself for root, whose permissions count.
    entity_id text not null,
    entity_arn text not null,
    -- Who asked for it, perhaps from another account: by ARN, key, and session when it was one itself.
    minted_by_arn text not null,
    minted_by_access_key_id text not null,
    minted_by_session_id text,
    issued_at timestamptz not null,
    expires_at timestamptz not null,
    source_address text,
    user_agent text,
    source_identity text,
    -- JSON as the session has it: its tags, and the policies that limit it.
    tags jsonb not null,
    policies jsonb not null,
    -- Whether AssumeRoot gave it.
    assumed_root boolean not null,
    revoked_position bigint,
    revoked_at timestamptz,
    revoked_by text,
    -- When the role or user was deleted, or the account closed, if that was before the session's time was over.
    orphaned_position bigint,
    orphaned_at timestamptz,
    primary key (account_id, position)
);
create unique index sessions_by_id on sessions (account_id, session_id);
create index sessions_by_access_key on sessions (account_id, access_key_id);
create index sessions_by_entity on sessions (account_id, entity_id, expires_at);
create index sessions_by_end on sessions (account_id, expires_at, position);

-- name: sts.session.issued.v1
with issued as materialized (
    select position, convert_from(state, 'UTF8')::jsonb as entry from ledger.uses
    where account_id = %(account_id)s and position > %(after)s and position <= %(to)s
        and topic = 'sts.session.issued.v1'
)
insert into sessions (account_id, position, session_id, access_key_id, principal_type, principal_arn, entity_id,
    entity_arn, minted_by_arn, minted_by_access_key_id, minted_by_session_id, issued_at, expires_at, source_address, user_agent,
    source_identity, tags, policies, assumed_root)
select %(account_id)s, position, session ->> 'session_id', session ->> 'access_key_id',
    session #>> '{principal,type}', session #>> '{principal,arn}', session ->> 'entity_id',
    coalesce(session #>> '{principal,issuer,arn}', session #>> '{principal,arn}'),
    actor(entry), session ->> 'minted_by_access_key_id', session ->> 'minted_by_session_id',
    (session ->> 'issued_at')::timestamptz, (session ->> 'expires_at')::timestamptz,
    coalesce(cause ->> 'forwarded_address', cause ->> 'peer_address'), cause ->> 'user_agent',
    session #>> '{principal,source_identity}', coalesce(nullif(session -> 'tags', 'null'), '[]'),
    coalesce(nullif(session -> 'policies', 'null'), '[]'), coalesce((session ->> 'assumed_root')::boolean, false)
from issued cross join lateral (select entry #> '{event,session}' as session, entry -> 'cause' as cause) as part

-- name: sts.session.revoked.v1
-- A session that is revoked twice was over the first time.
update sessions set revoked_position = %(position)s, revoked_at = %(at)s, revoked_by = actor(%(entry)s)
where account_id = %(account_id)s and session_id = %(entry)s #>> '{event,session_id}'
    and revoked_position is null and position < %(position)s

-- name: iam.role.deleted.v1
update sessions set orphaned_position = %(position)s, orphaned_at = %(at)s
where account_id = %(account_id)s and entity_id = %(entry)s #>> '{event,role_id}'
    and expires_at > %(at)s and position < %(position)s

-- name: iam.user.deleted.v1
update sessions set orphaned_position = %(position)s, orphaned_at = %(at)s
where account_id = %(account_id)s and entity_id = %(entry)s #>> '{event,user_id}'
    and expires_at > %(at)s and position < %(position)s

-- name: account.closed.v1
update sessions set orphaned_position = %(position)s, orphaned_at = %(at)s
where account_id = %(account_id)s and expires_at > %(at)s and orphaned_position is null and position < %(position)s
    and %(entry)s is not null
