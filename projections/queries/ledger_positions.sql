-- name: progress
-- Of a ledger and a projection, and whether its tables are such as this program reads.
select coalesce(heads.position, 0), coalesce(cursors.position, 0), (
        select count(*) = 2 from views.schemas
        where name in ('views', %(projection)s) and sha256 = any(%(fitting)s::text[])
    )
from (select %(account_id)s::text as account_id) as asked left join ledger.heads using (account_id)
left join views.cursors on cursors.account_id = asked.account_id and cursors.projection = %(projection)s

-- name: accounts
select account_id from ledger.heads where account_id <> %(installation)s order by account_id

-- name: head
select position from ledger.heads where account_id = %(account_id)s

-- name: time_at
-- The limits within send the planner to the keys, whatever it knows of the tables.
select at from (
    (select position, at from ledger.changes
    where account_id = %(account_id)s and position <= %(position)s order by position desc limit 1)
    union all
    (select position, at from ledger.uses
    where account_id = %(account_id)s and position <= %(position)s order by position desc limit 1)
) as event
order by position desc limit 1

-- name: position_at
-- Time never runs backwards along the positions, so it is found by halving: some twenty steps in a million events,
-- without an index that every append would have to keep. Looks at the last event at or before the middle, so that
-- the gaps of sealed partitions do no harm. A ledger that does not exist has no row.
with recursive search (low, high) as (
    select 0::bigint, position from ledger.heads where account_id = %(account_id)s
    union all
    select case when found.at <= %(at)s then middle else low end,
        case when found.at <= %(at)s then high else found.position - 1 end
    from search cross join lateral (select (low + high + 1) / 2 as middle) as half cross join lateral (
        select position, at from (
            (select position, at from ledger.changes
            where account_id = %(account_id)s and position <= half.middle order by position desc limit 1)
            union all
            (select position, at from ledger.uses
            where account_id = %(account_id)s and position <= half.middle order by position desc limit 1)
        ) as event
        order by position desc limit 1
    ) as found
    where low < high
)
select low from search where low >= high
