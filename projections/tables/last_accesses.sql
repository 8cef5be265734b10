-- When each user and role, and root, used which operations: of each quarter of an hour the first use, which is as
-- exactly as AWS tells it. Calls that were refused are uses too.

-- name: schema
create table last_accesses (
    account_id text not null,
    -- The user or role, or the account itself for root, whose permissions counted.
    entity_id text not null,
    service text not null,
    operation text not null,
    quarter timestamptz not null,
    position bigint not null,
    at timestamptz not null,
    region text,
    primary key (account_id, entity_id, service, operation, quarter)
);
create index last_accesses_by_service on last_accesses (account_id, service, quarter);

-- name: functions
-- The uses under a topic between two positions: by whom, if by somebody of the account, and in which quarter of an hour.
create or replace function accesses_between(in_account text, after_position bigint, to_position bigint, of_topic text)
returns table (used_position bigint, entity_id text, service text, operation text, quarter timestamptz,
    used_at timestamptz, region text)
language sql stable as $$
    select read.position, case when principal ->> 'account_id' = in_account
            then coalesce(principal #>> '{issuer,principal_id}', principal ->> 'principal_id') end,
        cause.service, cause.operation, date_bin('15 minutes', moment, timestamptz '2000-01-01 00:00:00+00'), moment,
        cause.region
    from (
        select uses.position, uses.at, convert_from(state, 'UTF8')::jsonb as entry from ledger.uses
        where account_id = in_account and uses.position > after_position and uses.position <= to_position
            and topic = of_topic
    ) as read
    cross join lateral jsonb_to_record(entry -> 'cause') as cause (service text, operation text, principal jsonb,
        region text)
    -- Of calls that were counted: when the last of them was.
    cross join lateral (select coalesce((entry #>> '{event,last}')::timestamptz, read.at) as moment) as use
$$;

-- name: api.called.v1
with used as materialized (
    select * from accesses_between(%(account_id)s, %(after)s, %(to)s, 'api.called.v1')
), kept as (
    insert into last_accesses (account_id, entity_id, service, operation, quarter, position, at, region)
    select distinct on (entity_id, service, operation, quarter)
        %(account_id)s, entity_id, service, operation, quarter, used_position, used_at, region
    from used where entity_id is not null
    order by entity_id, service, operation, quarter, used_position
    on conflict (account_id, entity_id, service, operation, quarter) do update
    -- The first by position, whichever of the two topics is read first.
    set position = excluded.position, at = excluded.at, region = excluded.region
    where excluded.position < last_accesses.position
)
select used_position from used

-- name: api.refusals_counted.v1
with used as materialized (
    select * from accesses_between(%(account_id)s, %(after)s, %(to)s, 'api.refusals_counted.v1')
), kept as (
    insert into last_accesses (account_id, entity_id, service, operation, quarter, position, at, region)
    select distinct on (entity_id, service, operation, quarter)
        %(account_id)s, entity_id, service, operation, quarter, used_position, used_at, region
    from used where entity_id is not null
    order by entity_id, service, operation, quarter, used_position
    on conflict (account_id, entity_id, service, operation, quarter) do update
    -- The first by position, whichever of the two topics is read first.
    set position = excluded.position, at = excluded.at, region = excluded.region
    where excluded.position < last_accesses.position
)
select used_position from used
