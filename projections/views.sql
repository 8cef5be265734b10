-- What all projections share. Tables are named without a schema: the first on the search path takes them.

-- name: schema
create table if not exists schemas (
    projection text primary key,
    sha256 text not null
);

-- How far each projection has come in each ledger. Where it has halted, the next position is the one it stumbles over.
create table if not exists cursors (
    account_id text not null,
    projection text not null,
    position bigint not null default 0,
    halted_at timestamptz,
    halted_reason text,
    primary key (account_id, projection)
);

-- Who did it, for people to read: a principal's ARN, an operator, or what else events come from.
create or replace function actor(entry jsonb) returns text language sql immutable parallel safe as $$
    select coalesce(
        entry #>> '{cause,principal,arn}',
        'operator ' || (entry #>> '{cause,operator,user}') || '@' || (entry #>> '{cause,operator,host}'),
        entry #>> '{cause,origin}'
    )
$$
