-- What is unusual in an account's calls, each kind by the index that finds it, a few credentials or a day at a time.

-- name: sessions
-- Those that may have been used behind a position: none outlives the longest.
select position, session_id from views.sessions
where account_id = %(account_id)s and position > %(after)s and position <= %(to)s
    and (%(since)s::timestamptz is null or expires_at >= %(since)s)
order by position limit %(limit)s

-- name: addresses
-- Of each session the calls in the span, to a limit; then the first call from each address, of sessions with several.
with called as (
    select session.id as session_id, call.*
    from unnest(%(session_ids)s::text[]) as session (id) cross join lateral (
        select position, source_address, requests from views.trail
        where account = %(account_id)s::text::bigint and session_id = session.id and position > %(from)s and position <= %(to)s
        order by position limit %(calls)s
    ) as call
), used as (
    select session_id, source_address, min(position) as first, sum(requests) as calls
    from called where source_address is not null group by session_id, source_address
), several as (
    select session_id, sum(calls)::bigint as calls from used group by session_id having count(*) > 1
)
select used.session_id, several.calls, call.position, call.at, said.request_id, call.source_address, said.user_agent,
    call.service, call.operation, call.error_code, session.principal_arn
from used join several using (session_id)
-- Of calls after its end the trail has no principal.
join views.sessions as session on session.account_id = %(account_id)s and session.session_id = used.session_id
join views.trail as call on call.account_id = %(account_id)s and call.position = used.first
cross join lateral views.recorded_call(call.account_id, call.position, call.at) as said
order by used.session_id, used.first

-- name: cut
-- The sessions whose calls in the span are more than the limit.
select session.id from unnest(%(session_ids)s::text[]) as session (id)
where exists (
    select from views.trail
    where account = %(account_id)s::text::bigint and session_id = session.id and position > %(from)s and position <= %(to)s
    order by position offset %(calls)s limit 1
)

-- name: keys
select valid_from, access_key_id from views.access_keys
where account_id = %(account_id)s and valid_from > %(after)s and valid_from <= %(to)s
order by valid_from limit %(limit)s

-- name: silences
-- The first use of a window that came long after the one before, or after the creation. A window's later uses stand in
-- the trail alone, so how long nothing was heard is told by the trail: the last call before, and the call itself.
with used as (
    select key.access_key_id, used.position, used.at,
        lag(used.at, 1, key.valid_from_at) over each_key as before_at
    from views.access_keys as key join views.access_key_uses as used
        on used.account_id = key.account_id and used.access_key_id = key.access_key_id
        and used.position > key.valid_from and used.position <= %(to)s
    where key.account_id = %(account_id)s and key.access_key_id = any(%(access_key_ids)s::text[])
    window each_key as (partition by key.access_key_id order by used.position)
)
select used.access_key_id, said.principal_arn, coalesce(before.at, used.before_at) as silent_since,
    call.position, call.at, said.request_id, call.source_address, said.user_agent, call.service, call.operation,
    call.error_code,
    before.position, before.at, said_before.request_id, before.source_address, said_before.user_agent, before.service,
    before.operation, before.error_code
from used
cross join lateral (
    select * from views.trail
    where account = %(account_id)s::text::bigint and access_key_id = used.access_key_id and position > used.position
        and read_only is not null
    order by position limit 1
) as call
left join lateral (
    select * from views.trail
    where account = %(account_id)s::text::bigint and access_key_id = used.access_key_id and position < used.position
        and read_only is not null
    order by position desc limit 1
) as before on true
cross join lateral views.recorded_call(call.account_id, call.position, call.at) as said
left join lateral views.recorded_call(before.account_id, before.position, before.at) as said_before on true
where used.position > %(from)s and used.at - used.before_at >= %(silence)s
    and used.at - coalesce(before.at, used.before_at) >= %(silence)s
order by used.access_key_id, used.position

-- name: next_of_root
select position, at from views.trail
where account = %(account_id)s::text::bigint and entity_id = %(account_id)s and position > %(after)s and position <= %(to)s
order by position limit 1

-- name: root
-- What root did between two positions, by key and session: how often, and the first and the last call.
with used as (
    select min(position) as first, max(position) as last, sum(requests)::bigint as calls
    from views.trail
    where account = %(account_id)s::text::bigint and entity_id = %(account_id)s and position > %(after)s and position <= %(to)s
    group by access_key_id, session_id
)
select used.calls, call.access_key_id, call.session_id, said.principal_arn,
    call.position, call.at, said.request_id, call.source_address, said.user_agent, call.service, call.operation,
    call.error_code
from used join views.trail as call on call.account_id = %(account_id)s and call.position in (used.first, used.last)
cross join lateral views.recorded_call(call.account_id, call.position, call.at) as said
order by used.first, call.position
