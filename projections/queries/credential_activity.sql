-- What keys and sessions did, from the trail.

-- name: found
-- The positions of the calls, in order; of each credential by its own index. A long-term key has no session.
select made.position from unnest(%(access_key_ids)s::text[]) as credential (id) cross join lateral (
    select position from views.trail
    where account = %(account_id)s::text::bigint and access_key_id = credential.id and position <= %(position)s
        -- Nobody has proved to have the key that a stranger claims.
        and read_only is not null
    order by position limit %(limit)s
) as made
union all
select made.position from unnest(%(session_ids)s::text[]) as credential (id) cross join lateral (
    select position from views.trail
    where account = %(account_id)s::text::bigint and session_id = credential.id and position <= %(position)s
    order by position limit %(limit)s
) as made
order by position limit %(limit)s

-- name: last
select position, at from (
    select made.position, made.at from unnest(%(access_key_ids)s::text[]) as credential (id) cross join lateral (
        select position, at from views.trail
        where account = %(account_id)s::text::bigint and access_key_id = credential.id and position <= %(position)s
            and read_only is not null
        order by position desc limit 1
    ) as made
    union all
    select made.position, made.at from unnest(%(session_ids)s::text[]) as credential (id) cross join lateral (
        select position, at from views.trail
        where account = %(account_id)s::text::bigint and session_id = credential.id and position <= %(position)s
        order by position desc limit 1
    ) as made
) as last
order by position desc limit 1

-- name: tallies
-- By address, by user agent and by operation, those that came first before the others, with how many there are of each.
with tallied as (
    select case
            when grouping(source_address) = 0 then 'address'
            when grouping(user_agent_key) = 0 then 'user agent'
            else 'operation'
        end as by, coalesce(source_address, service || ':' || operation) as text,
        min(position) as first_position, min(coalesce(counted_from, at)) as first_at,
        max(position) as last_position, max(coalesce(counted_to, at)) as last_at,
        coalesce(sum(requests) filter (where error_code is null), 0)::bigint as answered,
        coalesce(sum(requests) filter (where error_code is not null), 0)::bigint as refused
    from views.trail
    where account_id = %(account_id)s and position = any(%(positions)s::bigint[])
    group by grouping sets ((source_address), (user_agent_key), (service, operation))
), numbered as (
    select tallied.*, row_number() over (partition by by order by first_position, text) as number,
        count(*) over (partition by by) as count
    from tallied
)
select by, count, coalesce(numbered.text, agent.text), first_position, first_at, last_position, last_at, answered, refused
from numbered left join lateral (
    select said.user_agent as text
    from views.trail cross join lateral views.recorded_call(account_id, position, at) as said
    where account_id = %(account_id)s and position = first_position and by = 'user agent'
) as agent on true
where number <= %(rows)s order by by, number

-- name: used
-- The actions that were allowed, and the operations that were answered, some of which need no permission; in lower
-- case.
with called as (
    select service, operation, error_code, allowed, allowed_besides from views.trail
    where account_id = %(account_id)s and position = any(%(positions)s::bigint[])
)
select unnest(allowed_besides) from called
union
select lower(service || ':' || operation) from called where allowed or error_code is null

-- name: calls
select call.position, call.at, request_id, access_key_id, session_id, said.principal_arn, source_address, user_agent,
    service, operation, read_only, error_code, coalesce(call.error_message, said.error_message),
    case when counted_from is not null then resources else array(
        select distinct resource from jsonb_array_elements(decisions) as decision
        cross join lateral jsonb_array_elements_text(decision -> 'resources') as resource
        order by resource
    ) end, requests
from views.trail as call cross join lateral views.recorded_call(account_id, position, at) as said
where account_id = %(account_id)s and position = any(%(positions)s::bigint[])
order by position
