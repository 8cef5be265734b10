-- name: lock
-- The heads of a round; those that another process holds are left out. The database's clock comes along.
select account_id, position, last_change, at, tree_size, tree, clock_timestamp()
from ledger.heads where account_id = any(%(accounts)s::text[]) order by account_id for update skip locked

-- name: lock_or_absent
-- The same, and a row without a position for each account that there is not. It takes half as long again.
with locked as (
    select account_id, position, last_change, at, tree_size, tree
    from ledger.heads where account_id = any(%(accounts)s::text[]) order by account_id for update skip locked
)
select account_id, position, last_change, at, tree_size, tree, clock_timestamp() from locked
union all
select account_id, null, null, null, null, null, clock_timestamp() from unnest(%(accounts)s::text[]) as wanted (account_id)
where not exists (select from ledger.heads where heads.account_id = wanted.account_id)

-- name: lock_waiting
select account_id, position, last_change, at, tree_size, tree, clock_timestamp()
from ledger.heads where account_id = any(%(accounts)s::text[]) order by account_id for update

-- name: found
-- A head for each account that the round is about to begin.
insert into ledger.heads (account_id) select unnest(%(accounts)s::text[]) order by 1 on conflict do nothing

-- name: append_changes
insert into ledger.changes (account_id, position, topic, at, state)
select account_id, position, topic, %(at)s, state
from unnest(%(accounts)s::text[], %(positions)s::bigint[], %(topics)s::text[], %(states)s::bytea[])
    as event (account_id, position, topic, state)

-- name: append_uses
insert into ledger.uses (account_id, position, topic, at, state)
select account_id, position, topic, %(at)s, state
from unnest(%(accounts)s::text[], %(positions)s::bigint[], %(topics)s::text[], %(states)s::bytea[])
    as event (account_id, position, topic, state)

-- name: move_heads
update ledger.heads set position = moved.position, last_change = moved.last_change, at = %(at)s,
    tree_size = moved.position, tree = moved.tree
from unnest(%(accounts)s::text[], %(positions)s::bigint[], %(last_changes)s::bigint[], %(trees)s::bytea[])
    as moved (account_id, position, last_change, tree)
where heads.account_id = moved.account_id

-- name: leaves
-- Of the account's Merkle tree (RFC 6962): the hashes of the bytes of entries.
select sha256('\x00'::bytea || state) from (
    select account_id, position, state from ledger.changes
    union all
    select account_id, position, state from ledger.uses
) as events
where account_id = %(account_id)s and position > %(after)s and position <= %(to)s order by position

-- name: select_events
select account_id, position, topic, state from (
    select account_id, position, topic, state from ledger.changes
    union all
    select account_id, position, topic, state from ledger.uses
) as events
where account_id = %(account_id)s and position > %(after)s and position <= %(to)s
order by position limit %(limit)s

-- name: select_events_descending
select account_id, position, topic, state from (
    select account_id, position, topic, state from ledger.changes
    union all
    select account_id, position, topic, state from ledger.uses
) as events
where account_id = %(account_id)s and position > %(after)s and position <= %(to)s
order by position desc limit %(limit)s

-- name: select_changes
select account_id, position, topic, state from ledger.changes
where account_id = %(account_id)s and position > %(after)s and position <= %(to)s order by position limit %(limit)s

-- name: select_changes_of_topic
select account_id, position, topic, state from ledger.changes
where account_id = %(account_id)s and topic = any(%(topics)s::text[]) and position > %(after)s
order by position limit %(limit)s

-- name: select_changes_of_topics
select account_id, position, topic, state from ledger.changes
where account_id = %(account_id)s and topic = any(%(topics)s::text[]) and position > %(after)s and position <= %(to)s
order by position limit %(limit)s

-- name: select_changes_at
select account_id, position, topic, state from ledger.changes
where account_id = %(account_id)s and position = any(%(positions)s::bigint[])

-- name: last_change
select position from ledger.changes
where account_id = %(account_id)s and position <= %(position)s order by position desc limit 1

-- name: insert_snapshot
insert into ledger.snapshots (account_id, position, topic, state)
values (%(account_id)s, %(position)s, %(topic)s, %(state)b) on conflict do nothing

-- name: select_snapshot
select account_id, position, topic, state from ledger.snapshots
where account_id = %(account_id)s and topic = %(topic)s and position > %(after)s and position <= %(to)s
order by position desc limit 1

-- name: put_texts
insert into ledger.texts (account_id, sha256, text)
select %(account_id)s, encode(sha256(text), 'hex'), text from unnest(%(texts)s::bytea[]) as new (text)
on conflict do nothing

-- name: get_texts
select sha256, text from ledger.texts where account_id = %(account_id)s and sha256 = any(%(sha256s)s::text[])
