-- name: heads
select account_id, position from ledger.heads

-- name: accounts_with_changes
-- Found by leaps along the keys.
with recursive changed (account_id) as (
    select min(account_id) from ledger.changes
    union all
    select (select min(account_id) from ledger.changes where account_id > changed.account_id)
    from changed where account_id is not null
)
select account_id from changed where account_id is not null

-- name: accounts_with_uses
with recursive used (account_id) as (
    select min(account_id) from ledger.uses
    union all
    select (select min(account_id) from ledger.uses where account_id > used.account_id)
    from used where account_id is not null
)
select account_id from used where account_id is not null

-- name: accounts_with_snapshots
select distinct account_id from ledger.snapshots

-- name: accounts_with_secrets
select account_id from secrets.access_key_secrets
union select account_id from secrets.password_hashes
union select account_id from secrets.service_passwords
union select account_id from secrets.server_certificate_keys
union select account_id from secrets.saml_private_keys
union select account_id from secrets.webhook_secrets
union select account_id from secrets.signing_keys
union select account_id from secrets.trail_signing_keys
union select account_id from secrets.mfa_seeds
union select account_id from secrets.data_keys

-- name: accounts_with_texts
select distinct account_id from ledger.texts

-- name: head
select position, last_change, at from ledger.heads where account_id = %(account_id)s

-- name: events
-- In the order of the positions, and two of one position beside each other. Long ones are read one by one.
select position, topic, at, case when octet_length(state) <= %(bytes_max)s then state end, is_change from (
    select account_id, position, topic, at, state, true as is_change from ledger.changes
    union all
    select account_id, position, topic, at, state, false as is_change from ledger.uses
) as events
where account_id = %(account_id)s order by position, at

-- name: event
select position, topic, at, state, is_change from (
    select account_id, position, topic, at, state, true as is_change from ledger.changes
    union all
    select account_id, position, topic, at, state, false as is_change from ledger.uses
) as events
where account_id = %(account_id)s and position = %(position)s order by at

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
union all
select 'service-password', secret_id, principal_id from secrets.service_passwords where account_id = %(account_id)s
union all
select 'server-certificate-key', secret_id, principal_id from secrets.server_certificate_keys
where account_id = %(account_id)s
union all
select 'saml-private-key', key_id, principal_id from secrets.saml_private_keys where account_id = %(account_id)s
union all
select 'webhook-secret', target_id, principal_id from secrets.webhook_secrets where account_id = %(account_id)s
union all
select 'signing-key', key_id, principal_id from secrets.signing_keys where account_id = %(account_id)s
union all
select 'trail-signing-key', fingerprint, principal_id from secrets.trail_signing_keys
where account_id = %(account_id)s
union all
select 'mfa-seed', seed_id, principal_id from secrets.mfa_seeds where account_id = %(account_id)s

-- name: data_keys
-- With the column that no index has: each of them is read.
select principal_id, octet_length(wrapped) from secrets.data_keys where account_id = %(account_id)s order by principal_id

-- name: texts
-- With whether each still is what its digest says.
select sha256, encode(sha256(text), 'hex') from ledger.texts where account_id = %(account_id)s

-- name: access_key_accounts
select access_key_id, account_id from secrets.access_key_accounts

-- name: are_there_cursors
select to_regclass('views.cursors') is not null

-- name: projected
-- How far the projection has come that is ahead of the others.
select distinct on (account_id) account_id, projection, position from views.cursors
order by account_id, position desc, projection

-- name: tree
select tree_size, tree from ledger.heads where account_id = %(account_id)s

-- name: published
select size, entry from log.heads where account_id = %(account_id)s and size > %(after)s order by size limit %(limit)s

-- name: tile
select hashes from log.tiles where log = %(account_id)s and level = 0 and tile = %(tile)s
