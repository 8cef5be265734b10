-- Whoever follows looks, in the statement that takes a cursor, whether the tables are those that its texts fit: a newer
-- program may have put its own in their place.

-- name: fitting
-- The projections whose tables fit.
select projection.name from unnest(%(projections)s::text[]) as projection (name)
where (select count(*) = 2 from schemas where name in ('views', projection.name) and sha256 = any(%(fitting)s::text[]))

-- name: behind
-- The projections and accounts that have something to read.
select projection.name, heads.account_id
from ledger.heads cross join unnest(%(projections)s::text[]) as projection (name)
left join cursors on cursors.account_id = heads.account_id and cursors.projection = projection.name
where coalesce(cursors.position, 0) < heads.position and cursors.halted_at is null

-- name: take
-- The cursor is ours until the transaction ends; nobody waits for one that another process holds.
select cursors.position, heads.position, cursors.halted_at is not null
from cursors join ledger.heads using (account_id)
where cursors.account_id = %(account_id)s and cursors.projection = %(projection)s
    and (select count(*) = 2 from schemas where name in ('views', cursors.projection)
        and sha256 = any(%(fitting)s::text[]))
for update of cursors skip locked

-- name: begin
-- Looks first: an insert that meets a cursor in another's hands would wait for it.
insert into cursors (account_id, projection)
select account_id, %(projection)s from ledger.heads where account_id = %(account_id)s
    and not exists (select from cursors where account_id = %(account_id)s and projection = %(projection)s)
    and (select count(*) = 2 from schemas where name in ('views', %(projection)s) and sha256 = any(%(fitting)s::text[]))
on conflict do nothing

-- name: take_many
-- The cursors of many projections and accounts are ours, as far as there is something to read.
select projection, account_id
from cursors join ledger.heads using (account_id)
where account_id = any(%(accounts)s::text[]) and projection = any(%(projections)s::text[])
    and halted_at is null and cursors.position < heads.position
    and (select count(*) = 2 from schemas where name in ('views', cursors.projection)
        and sha256 = any(%(fitting)s::text[]))
for update of cursors skip locked

-- name: batches
-- Of cursors that are ours, how many events of each topic the next batch has. It must not be one statement with
-- `take_many`: of a cursor that moved while that one ran, it would give the new place, and what was counted from the
-- old one (PostgreSQL, 13.2.1: only the row that is locked is looked at again).
select projection, account_id, cursors.position, upto, heads.position, counts
from unnest(%(projections)s::text[], %(accounts)s::text[]) as taken (projection, account_id)
    join cursors using (projection, account_id) join ledger.heads using (account_id)
    cross join lateral (select least(heads.position, cursors.position + %(positions_max)s) as upto) as batch
    cross join lateral (
        select coalesce(jsonb_object_agg(topic, events), '{}') as counts from (
            select topic, count(*) as events from (
                select topic, account_id, position from ledger.changes
                union all
                select topic, account_id, position from ledger.uses
            ) as events
            where account_id = cursors.account_id and position > cursors.position and position <= upto
            group by topic
        ) as counted
    ) as found
where cursors.position < heads.position

-- name: move_many
update cursors set position = upto
from unnest(%(projections)s::text[], %(accounts)s::text[], %(positions)s::bigint[]) as moved (projection, account_id,
    upto)
where cursors.account_id = moved.account_id and cursors.projection = moved.projection

-- name: head
select position from ledger.heads where account_id = %(account_id)s

-- name: reached
-- Of the projections whose tables fit.
select coalesce(position, 0), halted_at is not null
from unnest(%(projections)s::text[]) as projection (name) left join cursors
    on cursors.account_id = %(account_id)s and cursors.projection = projection.name
where (select count(*) = 2 from schemas where name in ('views', projection.name) and sha256 = any(%(fitting)s::text[]))

-- name: topics
select topic, count(*) from (
    select topic, account_id, position from ledger.changes
    union all
    select topic, account_id, position from ledger.uses
) as events
where account_id = %(account_id)s and position > %(after)s and position <= %(to)s
group by topic

-- name: entries
select topic, position, at, convert_from(state, 'UTF8') from (
    select * from ledger.changes
    union all
    select * from ledger.uses
) as events
where account_id = %(account_id)s and position > %(after)s and position <= %(to)s and topic = any(%(topics)s)
order by position

-- name: changes
select position, convert_from(state, 'UTF8') from ledger.changes
where account_id = %(account_id)s and position > %(after)s and position <= %(to)s order by position limit %(limit)s

-- name: move
update cursors set position = %(to)s where account_id = %(account_id)s and projection = %(projection)s

-- name: halt
-- Unless another process has come past that position meanwhile, or put other tables here.
update cursors set halted_at = now(), halted_reason = %(reason)s
where account_id = %(account_id)s and projection = %(projection)s and position = %(position)s and halted_at is null
    and (select count(*) = 2 from schemas where name in ('views', %(projection)s)
        and sha256 = any(%(fitting)s::text[]))

-- name: resume
update cursors set halted_at = null, halted_reason = null
where halted_at is not null
    and projection = coalesce(%(projection)s, projection) and account_id = coalesce(%(account_id)s, account_id)
returning projection, account_id

-- name: lag
select projection.name, coalesce(sum(lag.positions), 0)::bigint, coalesce(max(lag.positions), 0)
from unnest(%(projections)s::text[]) with ordinality as projection (name, number) left join lateral (
    select heads.position - coalesce(cursors.position, 0) as positions
    from ledger.heads left join cursors
        on cursors.account_id = heads.account_id and cursors.projection = projection.name
) as lag on true
group by projection.name, projection.number order by projection.number

-- name: halted
select projection, account_id, position + 1, halted_at, halted_reason from cursors
where halted_at is not null and projection = any(%(projections)s) order by projection, account_id
