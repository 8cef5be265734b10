-- Who has violated what control's criterion, from when to when. What makes the rows is compliance.py, beside this file:
-- each change says by itself, from the account's value before it and after it, what it has begun or ended.

-- name: schema
create table violations (
    account_id text not null,
    -- The check and its parameters.
    criterion text not null,
    -- An access key id, a unique id, an ARN, or the account's own id.
    subject_id text not null,
    -- Whose it is: a user, a role, a group, a policy, a provider, a certificate, or the account.
    holder_id text not null,
    holder_name text not null,
    -- The change that it rests on; by time it has begun later than that.
    from_position bigint not null,
    from_at timestamptz not null,
    by_time boolean not null,
    opened_by text not null,
    -- When it has ended, or will by itself unless something changes; with a position when a change has ended it.
    ends_at timestamptz,
    to_position bigint,
    closed_by text,
    -- Whether changes still alter it. Of a criterion and subject at most one is so.
    is_current boolean not null,
    primary key (account_id, criterion, subject_id, from_position)
);
create unique index violations_current on violations (account_id, criterion, subject_id) where is_current;
create index violations_by_holder on violations (account_id, holder_id);

-- name: vanished
delete from violations using jsonb_to_recordset(%(rows)s) as gone (criterion text, subject_id text)
where violations.account_id = %(account_id)s and is_current
    and violations.criterion = gone.criterion and violations.subject_id = gone.subject_id

-- name: moved
update violations set ends_at = moved.ends_at
from jsonb_to_recordset(%(rows)s) as moved (criterion text, subject_id text, ends_at timestamptz)
where violations.account_id = %(account_id)s and is_current
    and violations.criterion = moved.criterion and violations.subject_id = moved.subject_id

-- name: over
update violations set is_current = false
from jsonb_to_recordset(%(rows)s) as over (criterion text, subject_id text)
where violations.account_id = %(account_id)s and is_current
    and violations.criterion = over.criterion and violations.subject_id = over.subject_id

-- name: ended
update violations
set is_current = false, ends_at = ended.ends_at, to_position = ended.to_position, closed_by = ended.closed_by
from jsonb_to_recordset(%(rows)s)
    as ended (criterion text, subject_id text, ends_at timestamptz, to_position bigint, closed_by text)
where violations.account_id = %(account_id)s and is_current
    and violations.criterion = ended.criterion and violations.subject_id = ended.subject_id

-- name: begun
insert into violations (account_id, criterion, subject_id, holder_id, holder_name, from_position, from_at, by_time,
    opened_by, ends_at, to_position, closed_by, is_current)
select %(account_id)s, criterion, subject_id, holder_id, holder_name, from_position, from_at, by_time, opened_by,
    ends_at, to_position, closed_by, is_current
from jsonb_to_recordset(%(rows)s)
    as begun (criterion text, subject_id text, holder_id text, holder_name text, from_position bigint,
        from_at timestamptz, by_time boolean, opened_by text, ends_at timestamptz, to_position bigint, closed_by text,
        is_current boolean)
