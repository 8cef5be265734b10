-- name: writable
select not pg_is_in_recovery() and current_setting('transaction_read_only') = 'off'

-- name: ledgers
-- The end of each ledger, where the next call reads and writes, and its newest snapshot's place.
select account_id, position, (
    select length(state) from ledger.changes where account_id = heads.account_id order by position desc limit 1
), (
    select length(state) from ledger.uses where account_id = heads.account_id order by position desc limit 1
), (
    select max(position) from ledger.snapshots where account_id = heads.account_id
) from ledger.heads where account_id > %(after)s order by account_id limit %(limit)s

-- name: next_account
select min(account_id) from ledger.heads where account_id > %(after)s

-- name: count_ledgers
select count(*) from ledger.heads
