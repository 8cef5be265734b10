-- What is asked of the lineage.

-- name: seed
-- What can have descendants, by any of the ids that it has. A key id that was used again is the last one's. Each id is
-- looked up in its own index: the order of positions would tempt the planner to walk through the account.
with named as (
    select position from views.births where account_id = %(account_id)s and subject_id = %(seed)s
    union
    select position from views.births where account_id = %(account_id)s and access_key_id = %(seed)s
    union
    select position from views.births where account_id = %(account_id)s and position = 1 and arn = %(seed)s
)
select account_id, position, at, request_id, null as parent, 0 as depth, kind, subject_id, owner_id, name, arn,
    access_key_id, version, sha256, by_arn, by_access_key_id, by_session_id, expires_at,
    'active' as state, null as since, true as alive, null as inactive_position, null as subject_name, null as name_now,
    ended_as, ended_position, ended_at, ended_by
from named join views.births using (position)
where account_id = %(account_id)s and position <= %(position)s
    and kind in ('root', 'user', 'role', 'session', 'access_key',
        'ssh_public_key', 'signing_certificate', 'service_specific_credential')
order by position desc limit 1

-- name: no_seed
-- What else has the id or ARN, as it was made last, and by whom.
with named as materialized (
    select position from views.births where account_id = %(account_id)s and subject_id = %(seed)s
)
select kind, name, by_arn from named join views.births using (position)
where account_id = %(account_id)s and position <= %(position)s and kind in ('mfa_enabled', 'mfa_deactivated',
        'oidc_provider', 'saml_provider', 'server_certificate', 'instance_profile', 'policy')
order by position desc limit 1

-- name: owner_arns
select entity_id, arn from views.principals
where account_id = %(account_id)s and entity_id = any(%(owners)s::text[]) and valid_to is null

-- name: sessions_called
-- Of a role, by its unique id or what it was called then, found by the owner; of a federated user; or the session by
-- its id, or its key's.
with named as (
    select position from views.births where account_id = %(account_id)s and subject_id = %(id)s
    union
    select position from views.births where account_id = %(account_id)s and access_key_id = %(id)s
    union
    select session.position
    from views.principals as role join views.births as session
        on session.account_id = role.account_id and session.owner_id = role.entity_id
    where role.account_id = %(account_id)s and role.kind = 'role'
        and (role.entity_id = %(role)s or lower(role.name) = lower(%(role)s))
        and (role.entity_id = %(role)s or lower(split_part(session.arn, '/', 2)) = lower(%(role)s))
        and split_part(session.arn, '/', 3) = %(session)s
    union
    select position from views.births
    where account_id = %(account_id)s and kind = 'session' and arn like '%%:federated-user/%%'
        and split_part(arn, ':', 6) = 'federated-user/' || %(federated)s
)
select subject_id, access_key_id, at, split_part(arn, ':', 6) from named join views.births using (position)
where account_id = %(account_id)s and kind = 'session' and position <= %(position)s
order by position desc limit %(limit)s

-- name: sessions_of_service
-- Which sessions a registered service has, by its key, in one account or in all; and whether each is over. Those that
-- are not come first.
select account_id, subject_id, access_key_id, by_arn, expires_at,
    expires_at <= %(at)s or coalesce(ended_position <= %(position)s, ended_position is not null) as is_over
from views.births
where by_access_key_id = any(%(keys)s::text[]) and kind = 'session'
    and (%(account_id)s::text is null or account_id = %(account_id)s)
    and (%(position)s::bigint is null or position <= %(position)s)
order by is_over, at, account_id, position limit %(limit)s

-- name: keys_of_service
-- With which it has called in the account: each time it is registered, it gets another.
select distinct access_key_id from views.trail
where account = %(account_id)s::text::bigint and principal_arn = %(name)s

-- name: owner_of
-- A key or session, and whose it is: as its own ARN has it, or what its owner was called when it began.
select kind, case when kind = 'session' and arn like '%%:assumed-role/%%' then 'role/' || split_part(arn, '/', 2)
        when owner_id = account_id then 'root'
        when kind = 'session' and arn not like '%%:federated-user/%%' then split_part(arn, ':', 6)
        else 'user/' || name end
from views.births
where account_id = %(account_id)s and kind in ('session', 'access_key')
    and (subject_id = %(credential)s or access_key_id = %(credential)s)
order by position desc limit 1

-- name: children
-- What the keys have signed for, in all accounts, and the credentials of the owners, whoever made them.
with found as (
    select account_id, position from views.births
    where by_access_key_id = any(%(keys)s::text[]) and (%(until)s::timestamptz is null or at <= %(until)s)
    union
    select birth.account_id, birth.position
    from unnest(%(owner_accounts)s::text[], %(owners)s::text[]) as owner (account_id, owner_id)
    join views.births as birth using (account_id, owner_id)
    where (birth.access_key_id is not null or birth.kind = any(%(alone)s::text[]))
        and (%(until)s::timestamptz is null or birth.at <= %(until)s)
)
select account_id, position, at, request_id, null as parent, 0 as depth, kind, subject_id, owner_id, name, arn,
    access_key_id, version, sha256, by_arn, by_access_key_id, by_session_id, expires_at,
    'active' as state, null as since, true as alive, null as inactive_position, null as subject_name, null as name_now,
    ended_as, ended_position, ended_at, ended_by
from found join views.births using (account_id, position)
order by at, account_id, position limit %(limit)s

-- name: of_requests
-- What came of these calls, in all accounts.
select account_id, position, at, request_id, null as parent, 0 as depth, kind, subject_id, owner_id, name, arn,
    access_key_id, version, sha256, by_arn, by_access_key_id, by_session_id, expires_at,
    'active' as state, null as since, true as alive, null as inactive_position, null as subject_name, null as name_now,
    ended_as, ended_position, ended_at, ended_by
from views.births
where request_id = any(%(requests)s::text[]) and (%(until)s::timestamptz is null or at <= %(until)s)
order by at, account_id, position limit %(limit)s

-- name: by_others
-- Since a moment, what other keys than these have signed for: the first event of each call.
select account_id, min(position) as position, request_id
from views.births
where at >= %(since)s and (%(until)s::timestamptz is null or at <= %(until)s)
    and by_access_key_id is not null and by_access_key_id <> all(%(keys)s::text[])
group by account_id, request_id order by min(at), account_id, 2 limit %(limit)s

-- name: behind
-- Accounts whose births are not all known, and where their ledgers end.
select heads.account_id, heads.position
from ledger.heads
left join views.cursors on cursors.account_id = heads.account_id and cursors.projection = 'lineage'
where coalesce(cursors.position, 0) < heads.position and heads.account_id <> %(installation)s

-- name: suspended
select born_position, valid_from, valid_from_at, opened_by from views.suspensions
where account_id = %(account_id)s and born_position = any(%(positions)s::bigint[])
    and valid_from <= %(position)s and (valid_to is null or valid_to > %(position)s)

-- name: contained
-- Of owners, which policy that denies them everything they held at the moment.
select owner_id, position, at, by_arn from views.births
where account_id = %(account_id)s and owner_id = any(%(owners)s::text[]) and kind = 'inline_policy'
    and subject_id = %(policy_name)s and sha256 = %(sha256)s
    and position <= %(position)s and (ended_position is null or ended_position > %(position)s)

-- name: closed
select ended_position, ended_at, ended_by from views.births
where account_id = %(account_id)s and position = 1 and ended_position <= %(position)s

-- name: subject_names
-- What the groups were called that somebody was put into or taken out of, and the roles of instance profiles.
select account_id, changed.position, called.name
from unnest(%(accounts)s::text[], %(positions)s::bigint[], %(subjects)s::text[])
    as changed (account_id, position, subject_id)
join views.principals as called using (account_id)
where called.entity_id = changed.subject_id and called.valid_from <= changed.position
    and (called.valid_to is null or called.valid_to > changed.position)
