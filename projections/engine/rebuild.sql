-- name: objects
-- What the role that asks owns in a schema. Indexes and constraints go where their table goes.
select 'table', relname from pg_class join pg_roles on pg_roles.oid = relowner
where relnamespace = %(schema)s::regnamespace and relkind = 'r' and rolname = current_user
union all
select 'function', proname from pg_proc join pg_roles on pg_roles.oid = proowner
where pronamespace = %(schema)s::regnamespace and rolname = current_user

-- name: aims_at_heads
-- What the ledgers have besides what the new tables have.
select projection.name, heads.account_id, coalesce(rebuilt.position, 0), heads.position
from ledger.heads cross join unnest(%(projections)s::text[]) as projection (name) left join cursors as rebuilt
    on rebuilt.account_id = heads.account_id and rebuilt.projection = projection.name
where heads.account_id = coalesce(%(account_id)s, heads.account_id)
    and coalesce(rebuilt.position, 0) < heads.position and rebuilt.halted_at is null
order by heads.account_id

-- name: aims_at_live
-- What the live tables have besides what the new ones have, as far as the ledgers go.
select live.projection, live.account_id, coalesce(rebuilt.position, 0), least(live.position, heads.position)
from views.cursors as live join ledger.heads using (account_id) left join cursors as rebuilt
    on rebuilt.account_id = live.account_id and rebuilt.projection = live.projection
where live.projection = any(%(projections)s) and live.account_id = coalesce(%(account_id)s, live.account_id)
    and coalesce(rebuilt.position, 0) < least(live.position, heads.position) and rebuilt.halted_at is null
order by live.account_id

-- name: behind
-- Where the live tables are ahead of the new ones, and how far the ledger goes there.
select live.projection, live.account_id, coalesce(rebuilt.position, 0), live.position, coalesce(heads.position, 0)
from views.cursors as live left join ledger.heads using (account_id) left join cursors as rebuilt
    on rebuilt.account_id = live.account_id and rebuilt.projection = live.projection
where live.projection = any(%(projections)s) and live.account_id = coalesce(%(account_id)s, live.account_id)
    and coalesce(rebuilt.position, 0) < live.position
order by live.account_id

-- name: lock_cursors
-- While no batch is under way: lets none begin.
lock table views.cursors in exclusive mode nowait

-- name: forget_cursors
delete from views.cursors where projection <> all(%(kept)s::text[])

-- name: take_cursors
insert into views.cursors (account_id, projection, position, halted_at, halted_reason)
select account_id, projection, position, halted_at, halted_reason from cursors where projection = any(%(names)s)

-- name: forget_schemas
delete from views.schemas where name <> all(%(kept)s::text[])

-- name: take_schemas
insert into views.schemas (name, sha256) select name, sha256 from schemas where name = any(%(names)s)

-- name: note_replaced
-- So that a program whose tables these were does not put its own in the place of a newer one's.
insert into views.replaced_definitions select sha256 from views.schemas where name <> all(%(kept)s::text[])
on conflict do nothing

-- name: forget_replaced
delete from views.replaced_definitions
where split_part(sha256, ':', 1) in (select split_part(sha256, ':', 1) from views.schemas)
