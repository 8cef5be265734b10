-- When whose credentials are looked at next (docs/adr/0057): nothing that the ledgers do not say, so that losing a row
-- costs another look.
create schema lifecycle;

create table lifecycle.schedule (
    account_id text not null,
    subject_id text not null,
    -- The account's position at which it was decided that nothing becomes due before `wake_at`; null: never.
    evaluated bigint not null,
    wake_at timestamptz,
    primary key (account_id, subject_id)
);
create index schedule_wake on lifecycle.schedule (wake_at) where wake_at is not null;

-- Up to which position of the account all that concerns somebody's credentials has been looked at.
create table lifecycle.progress (
    account_id text primary key,
    evaluated bigint not null
);

grant usage on schema lifecycle to muniment_writer, muniment_reader;
grant select, insert, update, delete on lifecycle.schedule, lifecycle.progress to muniment_writer;
grant select on lifecycle.schedule, lifecycle.progress to muniment_reader;
