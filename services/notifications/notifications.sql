-- name: counts
-- Neither ever becomes less: where both are what they were, there are the same targets and the same ledgers.
select
    (select count(*) from ledger.changes where topic in (
        'notification_target.added.v1', 'notification_target.removed.v1', 'notification_target.tested.v1',
        'installation.notification_target.added.v1', 'installation.notification_target.removed.v1',
        'installation.notification_target.tested.v1'
    )),
    (select count(*) from ledger.heads)

-- name: target_events
-- Behind the positions that are known.
select account_id, change.position, topic, state from ledger.changes as change
left join unnest(%(accounts)s::text[], %(positions)s::bigint[]) as known (account_id, position) using (account_id)
where topic in (
    'notification_target.added.v1', 'notification_target.removed.v1', 'notification_target.tested.v1',
    'installation.notification_target.added.v1', 'installation.notification_target.removed.v1',
    'installation.notification_target.tested.v1'
) and change.position > coalesce(known.position, 0)
order by account_id, change.position

-- name: cursors_of
select target_id, position from notifications.cursors
join unnest(%(ids)s::text[], %(accounts)s::text[]) as target (target_id, account_id) using (target_id, account_id)

-- name: begin_cursors
-- In the ledger that a target stands in behind it, in another at its time.
insert into notifications.cursors (target_id, account_id, position)
select target.id, target.account_id, coalesce(target.position, (
        select earlier.position from ledger.changes as earlier
        where earlier.account_id = target.account_id and earlier.at < target.added_at
        order by earlier.position desc limit 1
    ), 0)
from unnest(%(ids)s::text[], %(accounts)s::text[], %(positions)s::bigint[], %(times)s::timestamptz[])
    as target (id, account_id, position, added_at)
join ledger.heads as head on head.account_id = target.account_id
on conflict do nothing

-- name: begin_cursors_everywhere
insert into notifications.cursors (target_id, account_id, position)
select target.id, head.account_id, coalesce((
        select earlier.position from ledger.changes as earlier
        where earlier.account_id = head.account_id and earlier.at < target.added_at
        order by earlier.position desc limit 1
    ), 0)
from unnest(%(ids)s::text[], %(times)s::timestamptz[]) as target (id, added_at) cross join ledger.heads as head
where not exists (
    select from notifications.cursors as told where told.target_id = target.id and told.account_id = head.account_id
)
on conflict do nothing

-- name: forget_cursors
delete from notifications.cursors where target_id <> all(%(ids)s::text[])

-- name: forget_deliveries
delete from notifications.deliveries where target_id <> all(%(ids)s::text[])

-- name: forget_mail
-- What is told at once goes out all the same, above all that a target was removed.
delete from notifications.mail_items where target_id <> all(%(ids)s::text[]) and not at_once

-- name: states
select target_id, failures, failing_since, next_attempt_at, tested from notifications.deliveries

-- name: nominate
-- Of each target some ledgers that have moved on, with whether the next changes of it have one that may be told.
select target.id, ledger.account_id, next.reached, next.is_found
from unnest(%(ids)s::text[]) as target (id)
cross join lateral (
    select told.account_id, told.position from notifications.cursors as told
    join ledger.heads as head using (account_id)
    where told.target_id = target.id and head.last_change > told.position
    order by told.account_id limit %(ledgers)s
) as ledger
cross join lateral (
    select max(position) as reached, bool_or(topic = any(%(topics)s::text[])) as is_found from (
        select position, topic from ledger.changes
        where account_id = ledger.account_id and position > ledger.position order by position limit %(changes)s
    ) as change
) as next
where next.reached is not null

-- name: move_cursors
update notifications.cursors set position = moved.position
from unnest(%(ids)s::text[], %(accounts)s::text[], %(positions)s::bigint[]) as moved (id, account_id, position)
where cursors.target_id = moved.id and cursors.account_id = moved.account_id and cursors.position < moved.position

-- name: position
select position from notifications.cursors where target_id = %(id)s and account_id = %(account_id)s

-- name: next_changes
-- With the bytes of those alone that may be told.
select account_id, position, topic, case when topic = any(%(topics)s::text[]) then state end from ledger.changes
where account_id = %(account_id)s and position > %(after)s order by position limit %(limit)s

-- name: last_change
select last_change from ledger.heads where account_id = %(account_id)s

-- name: delivered
insert into notifications.deliveries (target_id, delivered, last_delivered_at, tested, unresolved, last_unresolved)
values (%(id)s, %(delivered)s, %(at)s, %(tested)s, %(unresolved)s, %(last_unresolved)s)
on conflict (target_id) do update set
    delivered = deliveries.delivered + excluded.delivered,
    last_delivered_at = case when excluded.delivered > 0 then excluded.last_delivered_at
        else deliveries.last_delivered_at end,
    failures = 0, failing_since = null, last_error = null, next_attempt_at = null, tested = excluded.tested,
    unresolved = deliveries.unresolved + excluded.unresolved,
    last_unresolved = coalesce(excluded.last_unresolved, deliveries.last_unresolved)

-- name: failed
insert into notifications.deliveries (target_id, failures, failing_since, last_error, next_attempt_at, tested)
values (%(id)s, 1, %(at)s, %(error)s, %(next)s, %(tested)s)
on conflict (target_id) do update set
    failures = deliveries.failures + 1, failing_since = coalesce(deliveries.failing_since, excluded.failing_since),
    last_error = excluded.last_error, next_attempt_at = excluded.next_attempt_at, tested = excluded.tested

-- name: told
-- Of these targets, how it goes.
select target_id, delivered, last_delivered_at, failing_since, last_error, next_attempt_at, unresolved, last_unresolved
from notifications.deliveries where target_id = any(%(ids)s::text[])

-- name: lagging
select told.account_id, told.position from notifications.cursors as told
join ledger.heads as head using (account_id)
where told.target_id = %(id)s and head.last_change > told.position order by told.account_id limit 5

-- name: dead
select count(*) from notifications.deliveries where failing_since <= %(since)s

-- name: mail_waiting
-- Of a target, with the recipient who has failed for longest.
select count(*), count(distinct item.address), min(recipient.failing_since),
    (array_agg(recipient.last_error order by recipient.failing_since)
        filter (where recipient.last_error is not null))[1]
from notifications.mail_items as item join notifications.recipients as recipient using (address)
where item.target_id = %(id)s

-- name: add_recipients
-- Held until the mail for them waits, so that nobody forgets them meanwhile. In order, so that none wait for each other.
insert into notifications.recipients (address)
select distinct address from unnest(%(addresses)s::text[]) as told (address) order by address
on conflict (address) do update set address = excluded.address

-- name: queued
-- Of all accounts and of this one, and whether the event is among it.
select count(distinct event_id), count(distinct event_id) filter (where account_id = %(account_id)s),
    coalesce(bool_or(event_id = %(event_id)s), false)
from notifications.mail_items where address = %(address)s and at_once = %(at_once)s

-- name: queue_mail
insert into notifications.mail_items
    (address, event_id, target_id, account_id, position, at_once, queued_on, line)
values (%(address)s, %(event_id)s, %(target_id)s, %(account_id)s, %(position)s, %(at_once)s, %(queued_on)s, %(line)s)
on conflict do nothing

-- name: count_further
update notifications.recipients set further = further + 1 where address = %(address)s

-- name: hurry
update notifications.recipients set next_attempt_at = null where address = %(address)s

-- name: due_recipients
select address, failures, further, digest_day is null or digest_day < %(today)s from notifications.recipients
where (next_attempt_at is null or next_attempt_at <= %(at)s) and exists (
    select from notifications.mail_items as item where item.address = recipients.address
        and (item.at_once or (item.queued_on < %(today)s and (digest_day is null or digest_day < %(today)s)))
)
order by address limit %(limit)s

-- name: due_items
-- Each event once, however many targets have the address.
select event_id, min(line::text)::jsonb from notifications.mail_items
where address = %(address)s and case when %(at_once)s then at_once else not at_once and queued_on < %(today)s end
group by account_id, position, event_id order by min(queued_on), account_id, position

-- name: forget_items
delete from notifications.mail_items where address = %(address)s and event_id = any(%(event_ids)s::text[])

-- name: mailed
update notifications.recipients set
    digest_day = case when %(at_once)s then digest_day else %(today)s end,
    further = case when %(at_once)s then further else further - %(further)s end,
    failures = 0, failing_since = null, last_error = null, next_attempt_at = null
where address = %(address)s

-- name: mail_failed
update notifications.recipients set
    failures = failures + 1, failing_since = coalesce(failing_since, %(at)s), last_error = %(error)s,
    next_attempt_at = %(next)s
where address = %(address)s

-- name: forgettable_recipients
-- Of whom nothing has to be remembered any more; held, so that no mail for them begins to wait. Who is held by those who
-- make it wait, is looked at next time.
select address from notifications.recipients where (digest_day is null or digest_day < %(today)s) and further = 0
    and not exists (select from notifications.mail_items as item where item.address = recipients.address)
for update skip locked

-- name: forget_recipients
-- It may wait since they were looked at, and before they were held.
delete from notifications.recipients where address = any(%(addresses)s::text[]) and further = 0
    and not exists (select from notifications.mail_items as item where item.address = recipients.address)
