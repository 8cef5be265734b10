-- Ways of breaking the ledger of 123456789012, each as its owner could, with triggers switched off.

-- name: a_use_is_missing
delete from ledger.uses
where account_id = '123456789012' and position = 4

-- name: a_change_is_missing
delete from ledger.changes
where account_id = '123456789012' and position = 2

-- name: the_first_is_missing
delete from ledger.changes
where account_id = '123456789012' and position = 1

-- name: the_last_is_missing
delete from ledger.changes
where account_id = '123456789012' and position = 7

-- name: one_stands_twice
insert into ledger.uses select account_id, position, topic, at + interval '1 day', state
from ledger.uses
where account_id = '123456789012' and position = 4

-- name: a_byte_is_another
update ledger.changes set state = set_byte(state, 0, 91)
where account_id = '123456789012' and position = 2

-- name: a_byte_of_the_events_is_another
update ledger.changes
set state = convert_to(replace(convert_from(state, 'UTF8'), 'user_name', 'user_nama'), 'UTF8')
where account_id = '123456789012' and position = 2

-- name: a_space_more
update ledger.uses set state = state || ' '
where account_id = '123456789012' and position = 4

-- name: two_are_swapped
update ledger.changes set position = 100
where account_id = '123456789012' and position = 2;
update ledger.changes set position = 2
where account_id = '123456789012' and position = 5;
update ledger.changes set position = 5
where account_id = '123456789012' and position = 100

-- name: another_topic
update ledger.changes set topic = 'iam.group.created.v1'
where account_id = '123456789012' and position = 2

-- name: an_unknown_topic
update ledger.changes set topic = 'x.v1',
    state = convert_to(replace(convert_from(state, 'UTF8'), 'iam.user.created.v1', 'x.v1'), 'UTF8')
where account_id = '123456789012' and position = 2

-- name: another_time
update ledger.changes set at = at - interval '1 microsecond'
where account_id = '123456789012' and position = 5

-- name: time_runs_backwards
update ledger.changes set at = '2026-01-02Z',
    state = convert_to(
        replace(convert_from(state, 'UTF8'), '2026-02-01T00:00:04.000000Z', '2026-01-02T00:00:00.000000Z'), 'UTF8')
where account_id = '123456789012' and position = 5

-- name: a_change_among_the_uses
insert into ledger.uses select * from ledger.changes
where account_id = '123456789012' and position = 5;
delete from ledger.changes
where account_id = '123456789012' and position = 5

-- name: the_head_is_ahead
update ledger.heads set position = 8
where account_id = '123456789012'

-- name: the_head_forgets_a_change
update ledger.heads set last_change = 5
where account_id = '123456789012'

-- name: the_heads_time
update ledger.heads set at = '2026-01-02Z'
where account_id = '123456789012'

-- name: no_head
delete from ledger.heads
where account_id = '123456789012'

-- name: a_broken_snapshot
update ledger.snapshots set state = set_byte(state, 40, get_byte(state, 40) # 1)
where account_id = '123456789012'

-- name: a_snapshot_that_is_none
update ledger.snapshots set state = sha256('nonsense') || 'nonsense'::bytea
where account_id = '123456789012'

-- name: a_snapshot_of_a_use
update ledger.snapshots set position = 6
where account_id = '123456789012'

-- name: a_secret_is_missing
delete from secrets.access_key_secrets
where account_id = '123456789012'

-- name: a_secret_without_a_key
insert into secrets.access_key_secrets values ('123456789012', 'AKIAEVE', 'AIDAANN', '')

-- name: a_password_is_missing
delete from secrets.password_hashes
where account_id = '123456789012'

-- name: a_password_without_a_profile
insert into secrets.password_hashes values ('123456789012', 'AIPWEVE', 'AIDAANN', '')

-- name: a_secret_of_somebody_else
update secrets.access_key_secrets set principal_id = 'AIDAEVE'
where account_id = '123456789012'

-- name: a_data_key_of_nobody
insert into secrets.data_keys values ('123456789012', 'AIDAEVE', 'm', '')

-- name: the_ledger_of_another_account
update ledger.changes
set state = convert_to(replace(convert_from(state, 'UTF8'), '"1f"', '"2f"'), 'UTF8')
where account_id = '123456789012' and position = 1;
delete from ledger.snapshots

-- name: the_account_is_closed_elsewhere
insert into ledger.changes select '000000000000', 3, 'installation.account.retired.v1', at, convert_to(replace(replace(
        replace(replace(convert_from(state, 'UTF8'), '"position":2', '"position":3'), ',"ledger_id":"1f"', ''),
        'account.opened', 'account.retired'), 'opened_account_id', 'retired_account_id'), 'UTF8')
from ledger.changes
where account_id = '000000000000' and position = 2;
update ledger.heads set position = 3, last_change = 3
where account_id = '000000000000'

-- name: nothing_is_left
delete from ledger.changes
where account_id = '123456789012';
delete from ledger.uses
where account_id = '123456789012';
delete from ledger.heads
where account_id = '123456789012';
delete from ledger.snapshots;
delete from secrets.data_keys;
delete from secrets.access_key_secrets;
delete from secrets.password_hashes
