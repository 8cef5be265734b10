-- How far each notification target has been told, and what waits to be told by mail (docs/adr/0055). It says nothing
-- that ledgers do not: lost, it would be told again.
create schema notifications;

create table notifications.cursors (
    target_id text not null,
    account_id text not null,
    position bigint not null,
    primary key (target_id, account_id)
);

-- How telling it goes, by target.
create table notifications.deliveries (
    target_id text primary key,
    delivered bigint not null default 0,
    last_delivered_at timestamptz,
    failures integer not null default 0,
    failing_since timestamptz,
    last_error text,
    next_attempt_at timestamptz,
    -- The id of the last test that was tried at once.
    tested text,
    -- Events about credentials whose owner has no address.
    unresolved bigint not null default 0,
    last_unresolved text
);

-- A person who is told by mail: at most one digest a day.
create table notifications.recipients (
    address text primary key,
    digest_day date,
    -- Events that are too many for one mail: they are only counted.
    further bigint not null default 0,
    failures integer not null default 0,
    failing_since timestamptz,
    last_error text,
    next_attempt_at timestamptz
);

create table notifications.mail_items (
    address text not null references notifications.recipients on delete cascade,
    event_id text not null,
    target_id text not null,
    account_id text not null,
    position bigint not null,
    at_once boolean not null,
    queued_on date not null,
    line jsonb not null,
    primary key (address, event_id)
);

create index mail_items_by_target on notifications.mail_items (target_id);

grant usage on schema notifications to muniment_writer, muniment_reader;
grant select, insert, update, delete on all tables in schema notifications to muniment_writer;
grant select on all tables in schema notifications to muniment_reader;

-- So that whoever tells them finds all targets of all accounts without reading ledgers.
create index notification_targets on ledger.changes (account_id, position) where topic in (
    'notification_target.added.v1', 'notification_target.removed.v1', 'notification_target.tested.v1',
    'installation.notification_target.added.v1', 'installation.notification_target.removed.v1',
    'installation.notification_target.tested.v1'
);

-- With which the messages of webhooks are signed, sealed like the secrets of access keys, for the account.
create table secrets.webhook_secrets (
    account_id text not null,
    target_id text not null,
    principal_id text not null,
    sealed bytea not null,
    primary key (account_id, target_id),
    foreign key (account_id, principal_id) references secrets.data_keys on delete cascade
);

create index webhook_secrets_by_principal on secrets.webhook_secrets (account_id, principal_id);

grant select, insert, delete on secrets.webhook_secrets to muniment_writer;
