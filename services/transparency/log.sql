-- name: lock_state
-- Of the log of heads, unless another process is at it; with the time since its newest checkpoint.
select origin, size, tree, clock_timestamp() - at from log.state for update skip locked

-- name: published_state
select origin, size from log.state

-- name: take_over
-- The log goes on under this name: every account is told of once more, under it.
with renamed as (
    update log.state set origin = %(origin)s where origin <> %(origin)s returning 1
)
update log.progress set published_size = 0 where exists (select from renamed)

-- name: unpublished
-- Accounts that have gone on since the log of heads has told of them; of these, or of all.
select account_id, tree_size, tree from ledger.heads left join log.progress on log = account_id
where tree_size > coalesce(published_size, 0)
    and (%(accounts)s::text[] is null or account_id = any(%(accounts)s::text[]))
order by account_id limit %(limit)s

-- name: put_heads
insert into log.heads (index, account_id, size, entry)
select * from unnest(%(indexes)s::bigint[], %(accounts)s::text[], %(sizes)s::bigint[], %(entries)s::text[])

-- name: put_published
insert into log.progress (log, published_size) select * from unnest(%(accounts)s::text[], %(sizes)s::bigint[])
on conflict (log) do update set published_size = excluded.published_size

-- name: move_state
update log.state set origin = %(origin)s, size = %(size)s, tree = %(tree)s, at = clock_timestamp() returning at

-- name: put_checkpoint
insert into log.checkpoints (size, at, note) values (%(size)s, %(at)s, %(note)s)

-- name: thin_checkpoints
-- Of the hours that are over, but for the last and this one, only the last checkpoint of each stays.
delete from log.checkpoints as thinned
where at < date_trunc('hour', now() - interval '1 hour') and at >= date_trunc('hour', now() - interval '3 hours')
    and exists (
        select from log.checkpoints as later
        where later.size > thinned.size and date_trunc('hour', later.at) = date_trunc('hour', thinned.at)
            and (later.witnessed_at is not null or thinned.witnessed_at is null)
    )

-- name: newest_checkpoint
-- Of the log by the name that it has now.
select size, at, note from log.checkpoints
where starts_with(note, (select origin from log.state) || E'\n') order by size desc limit 1

-- name: was_published
-- Whether a checkpoint of a log by this name was ever here: of each hour one stays.
select exists (select from log.checkpoints where starts_with(note, %(origin)s || E'\n'))

-- name: best_checkpoint
-- That has an entry: the newest that is witnessed, or the newest.
select size, at, note from log.checkpoints where size > %(index)s
order by witnessed_at is not null desc, size desc limit 1

-- name: witness
select size from log.witnesses where name = %(name)s

-- name: witnesses
select name, size, signed_at, error from log.witnesses where name = any(%(names)s::text[]) order by name

-- name: note_witness
insert into log.witnesses (name, size, signed_at) values (%(name)s, %(size)s, clock_timestamp())
on conflict (name) do update set size = excluded.size, signed_at = excluded.signed_at, error = null

-- name: note_witness_error
-- Whether it is another one than before.
with former as (select error from log.witnesses where name = %(name)s)
insert into log.witnesses (name, error) values (%(name)s, %(error)s)
on conflict (name) do update set error = excluded.error
returning error is distinct from (select error from former)

-- name: lock_checkpoint
select note from log.checkpoints where size = %(size)s for update

-- name: cosign
update log.checkpoints set note = %(note)s,
    witnessed_at = case when %(witnessed)s then coalesce(witnessed_at, clock_timestamp()) end
where size = %(size)s

-- name: unwitnessed
-- How long the oldest checkpoint has waited for witnesses that is newer than all that they have signed.
select extract(epoch from clock_timestamp() - min(at))::float8 from log.checkpoints
where size > coalesce((select max(size) from log.checkpoints where witnessed_at is not null), 0)

-- name: covering_head
-- The first entry of the log of heads that has the account's log as far as that.
select index, size, entry from log.heads
where account_id = %(account_id)s and size >= %(size)s
    and starts_with(entry, (select origin from log.state) || '/') order by size limit 1

-- name: newest_head
select index, size, entry from log.heads
where account_id = %(account_id)s and starts_with(entry, (select origin from log.state) || '/')
order by size desc limit 1

-- name: tiled_size
select tiled_size from log.progress where log = %(log)s

-- name: untiled
-- Logs of which at least one tile is full and not kept yet, with their sizes; of these, or of all.
select log, size, tiled_size from (
    select account_id as log, tree_size as size from ledger.heads
    where %(logs)s::text[] is null or account_id = any(%(logs)s::text[])
    union all select 'heads', size from log.state
) as logs left join log.progress using (log)
where size / 256 > coalesce(tiled_size, 0) / 256 order by log

-- name: put_tiled
insert into log.progress (log, tiled_size) values (%(log)s, %(size)s)
on conflict (log) do update set tiled_size = greatest(progress.tiled_size, excluded.tiled_size)

-- name: put_tile
insert into log.tiles (log, level, tile, hashes, root) values (%(log)s, %(level)s, %(tile)s, %(hashes)s, %(root)s)
on conflict do nothing

-- name: tile
select hashes from log.tiles where log = %(log)s and level = %(level)s and tile = %(tile)s

-- name: tile_roots
select root from log.tiles
where log = %(log)s and level = %(level)s and tile >= %(first)s and tile < %(end)s order by tile

-- name: leaves_of_heads
select sha256('\x00'::bytea || convert_to(entry, 'UTF8')) from log.heads
where index >= %(after)s and index < %(to)s order by index

-- name: entries_of_heads
select convert_to(entry, 'UTF8') from log.heads where index >= %(after)s and index < %(to)s order by index

-- name: entries
select state from (
    select account_id, position, state from ledger.changes
    union all
    select account_id, position, state from ledger.uses
) as events
where account_id = %(log)s and position > %(after)s and position <= %(to)s order by position

-- name: unhashed
-- Ledgers of which the tree lacks entries: an older program has written them.
select account_id, position from ledger.heads where tree_size < position order by account_id

-- name: lock_tree
select position, tree_size, tree from ledger.heads where account_id = %(account_id)s for update

-- name: put_tree
update ledger.heads set tree_size = %(size)s, tree = %(tree)s where account_id = %(account_id)s

-- name: state
select size, tree from log.state

-- name: checkpoints
select size, note from log.checkpoints

-- name: log_entries
select index, account_id, size, entry from log.heads where index >= %(first)s and index < %(end)s order by index
