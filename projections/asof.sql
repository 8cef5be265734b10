-- name: progress
select heads.position, coalesce(cursors.position, 0)
from ledger.heads left join views.cursors
    on cursors.account_id = heads.account_id and cursors.projection = %(projection)s
where heads.account_id = %(account_id)s

-- name: time_at
select at from ledger.changes where account_id = %(account_id)s and position = %(position)s
union all
select at from ledger.uses where account_id = %(account_id)s and position = %(position)s

-- name: position_at
-- Time never runs backwards along the positions, so it is found by halving: some twenty steps in a million events,
-- without an index that every append would have to keep. Looks at the last event at or before the middle, so that
-- positions of sealed partitions that are gone do no harm. A ledger that does not exist has no row.
with recursive search (low, high) as (
    select 0::bigint, position from ledger.heads where account_id = %(account_id)s
    union all
    select case when middle.at <= %(at)s then greatest(middle.position, (low + high + 1) / 2) else low end,
        case when middle.at is null then (low + high + 1) / 2 - 1
            when middle.at <= %(at)s then high else middle.position - 1 end
    from search left join lateral (
        select event.position, event.at from (
            select position, at from ledger.changes where account_id = %(account_id)s
            union all
            select position, at from ledger.uses where account_id = %(account_id)s
        ) as event
        where event.position <= (search.low + search.high + 1) / 2 order by event.position desc limit 1
    ) as middle on true
    where search.low < search.high
)
select low from search where low >= high
