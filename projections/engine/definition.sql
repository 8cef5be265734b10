-- What all projections share. Tables are named without a schema: the first on the search path takes them.

-- name: schemas
-- Whose tables are here, and which text made them.
create table if not exists schemas (
    name text primary key,
    sha256 text not null
);

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

-- Who did it, for people to read: a principal's ARN, an operator, or what else events come from.
create function actor(entry jsonb) returns text language sql immutable parallel safe as $$
    select coalesce(
        entry #>> '{cause,principal,arn}',
        'operator ' || (entry #>> '{cause,operator,user}') || '@' || (entry #>> '{cause,operator,host}'),
        entry #>> '{cause,origin}'
    )
$$;

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
