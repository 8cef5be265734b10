-- When services and their operations were last used.

-- name: of_entities
-- Each operation that an entity has used is found behind the one before, without reading all its uses.
with recursive used (entity_id, service, operation) as (
    select asked.id, first.service, first.operation
    from unnest(%(entity_ids)s::text[]) as asked (id) cross join lateral (
        select service, operation from views.last_accesses
        where account_id = %(account_id)s and entity_id = asked.id
        order by service, operation limit 1
    ) as first
    union all
    select used.entity_id, next.service, next.operation from used cross join lateral (
        select service, operation from views.last_accesses
        where account_id = %(account_id)s and entity_id = used.entity_id
            and (service, operation) > (used.service, used.operation)
        order by service, operation limit 1
    ) as next
)
select used.entity_id, used.service, used.operation, last.at, last.region from used cross join lateral (
    select at, region from views.last_accesses
    where account_id = %(account_id)s and entity_id = used.entity_id and service = used.service
        and operation = used.operation and quarter <= %(until)s and position <= %(position)s
    order by quarter desc limit 1
) as last
where last.at >= %(since)s

-- name: of_account
-- Of each service the last use by anybody.
select asked.name, last.at, last.region from unnest(%(services)s::text[]) as asked (name) cross join lateral (
    select at, region from views.last_accesses
    where account_id = %(account_id)s and service = asked.name and quarter <= %(until)s and position <= %(position)s
    order by quarter desc, position desc limit 1
) as last
where last.at >= %(since)s
