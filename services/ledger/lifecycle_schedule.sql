-- name: put
-- What was decided on an older value than is known already is not believed.
insert into lifecycle.schedule (account_id, subject_id, evaluated, wake_at)
select * from unnest(%(accounts)s::text[], %(subjects)s::text[], %(evaluated)s::bigint[], %(wakes)s::timestamptz[])
on conflict (account_id, subject_id) do update set evaluated = excluded.evaluated, wake_at = excluded.wake_at
    where schedule.evaluated <= excluded.evaluated

-- name: delete
delete from lifecycle.schedule
using unnest(%(accounts)s::text[], %(subjects)s::text[], %(evaluated)s::bigint[]) as gone (account_id, subject_id, evaluated)
where schedule.account_id = gone.account_id and schedule.subject_id = gone.subject_id
    and schedule.evaluated <= gone.evaluated

-- name: put_progress
insert into lifecycle.progress (account_id, evaluated)
select * from unnest(%(accounts)s::text[], %(evaluated)s::bigint[])
on conflict (account_id) do update set evaluated = excluded.evaluated
    where progress.evaluated < excluded.evaluated
