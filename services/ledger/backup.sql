-- name: heads
select account_id, position from ledger.heads order by account_id

-- name: entries
select position, state from (
    select account_id, position, at, state from ledger.changes
    union all
    select account_id, position, at, state from ledger.uses
) as entries
where account_id = %(account_id)s and position <= %(to)s order by position, at

-- name: state
-- The time, and how large the database is. The others of the cluster are empty.
select now(), pg_database_size(current_database())

-- name: master_keys
select distinct master_key_id from secrets.data_keys order by master_key_id
