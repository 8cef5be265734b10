-- name: accounts
-- Every account of which there is anything, not only those with a head; found by leaps along the keys.
with recursive changed (account_id) as (
    select min(account_id) from ledger.changes
    union all
    select (select min(account_id) from ledger.changes where account_id > changed.account_id)
    from changed where account_id is not null
), used (account_id) as (
    select min(account_id) from ledger.uses
    union all
    select (select min(account_id) from ledger.uses where account_id > used.account_id)
    from used where account_id is not null
)
select account_id, coalesce(position, 0) from (
    select account_id from ledger.heads
    union select account_id from changed where account_id is not null
    union select account_id from used where account_id is not null
    union select account_id from ledger.snapshots
    union select account_id from secrets.access_key_secrets
    union select account_id from secrets.password_hashes
    union select account_id from secrets.data_keys
) as known left join ledger.heads using (account_id) order by account_id

-- name: head
select position, last_change, at from ledger.heads where account_id = %(account_id)s

-- name: events
-- In the order of the positions, and two of one position beside each other.
select position, topic, at, state, is_change from (
    select account_id, position, topic, at, state, true as is_change from ledger.changes
    union all
    select account_id, position, topic, at, state, false as is_change from ledger.uses
) as events
where account_id = %(account_id)s order by position, at

-- name: snapshots
select position from ledger.snapshots where account_id = %(account_id)s and topic = %(topic)s

-- name: snapshot
select account_id, position, topic, state from ledger.snapshots
where account_id = %(account_id)s and position = %(position)s

-- name: secrets
select 'access-key-secret', access_key_id, principal_id from secrets.access_key_secrets
where account_id = %(account_id)s
union all
select 'password-hash', password_id, principal_id from secrets.password_hashes where account_id = %(account_id)s

-- name: data_keys
select principal_id from secrets.data_keys where account_id = %(account_id)s order by principal_id

-- name: access_key_accounts
select access_key_id, account_id from secrets.access_key_accounts

-- name: are_there_cursors
select to_regclass('views.cursors') is not null

-- name: projected
-- How far the projection has come that is ahead of the others.
select distinct on (account_id) account_id, projection, position from views.cursors
order by account_id, position desc, projection
