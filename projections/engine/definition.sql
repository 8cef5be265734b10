-- What all projections share. Tables are named without a schema: the first on the search path takes them.
-- fits: 659f2f881af96d4d2d766f45fce4ca361be132e0aafe468eeb23142cf5df2035

-- name: schemas
-- Whose tables are here, and which text made them; and the texts whose tables others have taken the place of.
create table if not exists schemas (
    name text primary key,
    sha256 text not null
);
create table if not exists replaced_definitions (
    sha256 text primary key
);
grant select on schemas, replaced_definitions to muniment_writer, muniment_reader;

-- name: made
select name, sha256 from schemas

-- name: make
insert into schemas values (%(name)s, %(sha256)s)

-- name: is_anything_live
select to_regclass('views.schemas') is not null

-- name: live
select name, sha256 from views.schemas

-- name: is_replaced_known
-- Whether an earlier version has been here alone, or has left the table to itself.
select coalesce(has_table_privilege(to_regclass('views.replaced_definitions'), 'select'), false)

-- name: replaced
-- Of these, whatever operators have added to them.
select split_part(sha256, ':', 1) from views.replaced_definitions
where split_part(sha256, ':', 1) = any(%(digests)s::text[])

-- name: account_share
-- Of all positions, how many are the account's.
select coalesce(sum(position) filter (where account_id = %(account_id)s), 0) / greatest(sum(position), 1)
from ledger.heads

-- name: live_bytes
select coalesce(sum(pg_total_relation_size(oid)), 0)::bigint from pg_class
where relnamespace = to_regnamespace('views') and relkind = 'r'

-- name: is_anything_rebuilt
-- What a crash has left there is nobody's.
select to_regclass('views_rebuilt.cursors') is not null and exists (
    select from pg_locks where locktype = 'advisory' and granted and (classid, objid, objsubid) = (0, %(lock)s, 1)
        and database = (select oid from pg_database where datname = current_database()))

-- name: rebuilt
-- How far the new tables of some projections have come, and how far they are to come.
select coalesce(sum(least(coalesce(cursors.position, 0), heads.position)), 0)::bigint, coalesce(sum(heads.position),
    0)::bigint
from ledger.heads cross join unnest(%(projections)s::text[]) as projection (name)
left join views_rebuilt.cursors as cursors
    on cursors.account_id = heads.account_id and cursors.projection = projection.name

-- name: schema
-- How far each projection has come in each ledger. Where it has halted, the next position is the one it stumbles over.
create table cursors (
    account_id text not null,
    projection text not null,
    position bigint not null default 0,
    halted_at timestamptz,
    halted_reason text,
    primary key (account_id, projection)
);

-- What all temporal tables have in common: the row is true from the event that opened it up to, and not including,
-- the event that closed it; null while it is open. Never filled itself.
create table intervals (
    account_id text not null,
    valid_from bigint not null,
    valid_from_at timestamptz not null,
    opened_by text not null,
    valid_to bigint,
    valid_to_at timestamptz,
    closed_by text
);

-- name: functions
-- Of this text. Tables that an earlier text made, and that fit, get them too.

-- Who did it, for people to read: a principal's ARN, an operator, or what else events come from.
create or replace function actor(entry jsonb) returns text language sql immutable parallel safe as $$
    select coalesce(
        entry #>> '{cause,principal,arn}',
        'operator ' || (entry #>> '{cause,operator,user}') || '@' || (entry #>> '{cause,operator,host}'),
        entry #>> '{cause,origin}'
    )
$$;

-- The row of a temporal table that an event opens: its columns are the fields of the event that have their names, and
-- `more`.
create or replace function opened(of_table anyelement, in_account text, at_position bigint, at_time timestamptz,
    entry jsonb, more jsonb default '{}') returns setof anyelement language sql stable as $$
    select * from jsonb_populate_record(of_table, (entry -> 'event') || more || jsonb_build_object(
        'account_id', in_account, 'valid_from', at_position, 'valid_from_at', at_time, 'opened_by', actor(entry)))
$$;

-- Closes the open rows of a temporal table whose columns have the values of the event's fields, which are named like
-- the column or `column=field`, and `more`. Gives the rows.
create or replace function close_interval(of_table anyelement, in_account text, at_position bigint,
    at_time timestamptz, entry jsonb, key text[], more jsonb default '{}')
returns setof anyelement language plpgsql as $$
declare
    wanted text;
begin
    select string_agg(format(' and %I = %L', name, value), '') into wanted from (
        select split_part(part, '=', 1), entry #>> array['event', regexp_replace(part, '.*=', '')]
        from unnest(key) as part
        union all
        select * from jsonb_each_text(more)
    ) as column_value (name, value);
    return query execute format('update %s set valid_to = $1, valid_to_at = $2, closed_by = $3
        where account_id = $4 and valid_to is null', pg_typeof(of_table)) || coalesce(wanted, '') || ' returning *'
    using at_position, at_time, actor(entry), in_account;
end $$;
