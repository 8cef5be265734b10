-- The ledger, the sealed secrets beside it, and the rights that make events append-only.
-- Every key begins with account_id: an account is the unit of consistency, of replay and of sharding.

create schema ledger;
create schema secrets;
create schema views;

-- One row an account: the lock that a round takes, and how far the ledger has come.
create table ledger.heads (
    account_id text primary key check (account_id ~ '^[0-9]{12}$'),
    position bigint not null default 0,
    last_change bigint not null default 0,
    at timestamptz not null default 'epoch'
);

-- Events that alter what a later decision reads. Never dropped.
create table ledger.changes (
    account_id text not null,
    position bigint not null check (position >= 0),
    topic text not null,
    at timestamptz not null,
    state bytea not null,
    primary key (account_id, position)
);

-- Facts that no later decision reads. One position sequence with the changes; the head row keeps it unique, so the
-- partition key may stand in the primary key.
create table ledger.uses (
    account_id text not null,
    position bigint not null check (position >= 0),
    topic text not null,
    at timestamptz not null,
    state bytea not null,
    primary key (account_id, position, at)
) partition by range (at);

-- What falls outside the months that exist still has a place.
create table ledger.uses_other partition of ledger.uses default;

create table ledger.snapshots (
    account_id text not null,
    position bigint not null,
    topic text not null,
    state bytea not null,
    primary key (account_id, position)
);

-- Secrets, sealed. The ledger never holds one; these rows are deleted where the ledger only grows.
-- A data key per principal, wrapped by the master key of that id. Destroying it erases what it sealed.
create table secrets.data_keys (
    account_id text not null,
    principal_id text not null,
    master_key_id text not null,
    wrapped bytea not null,
    primary key (account_id, principal_id)
);

-- The foreign key makes "a sealed secret has its data key" a fact of the database: an erasure takes the secrets
-- along, and a secret put beside an erasure fails instead of staying behind unreadable.
create table secrets.access_key_secrets (
    account_id text not null,
    access_key_id text not null,
    principal_id text not null,
    sealed bytea not null,
    primary key (account_id, access_key_id),
    foreign key (account_id, principal_id) references secrets.data_keys on delete cascade
);

create index access_key_secrets_by_principal on secrets.access_key_secrets (account_id, principal_id);

create function ledger.refuse_rewriting() returns trigger language plpgsql as $$
begin
    raise exception 'The ledger is append-only: % on %.% is refused.', tg_op, tg_table_schema, tg_table_name
        using errcode = 'integrity_constraint_violation';
end $$;

create trigger append_only before update or delete on ledger.changes
    for each row execute function ledger.refuse_rewriting();
create trigger never_truncated before truncate on ledger.changes
    for each statement execute function ledger.refuse_rewriting();
create trigger append_only before update or delete on ledger.uses
    for each row execute function ledger.refuse_rewriting();
create trigger never_truncated before truncate on ledger.uses
    for each statement execute function ledger.refuse_rewriting();
create trigger never_truncated before truncate on ledger.uses_other
    for each statement execute function ledger.refuse_rewriting();

-- Makes the partition of the month that `moment` lies in. Runs with its owner's rights: the writer may add room, not
-- take any away.
create function ledger.open_month(moment timestamptz) returns void
language plpgsql security definer set search_path = pg_catalog as $$
declare
    first timestamptz := date_trunc('month', moment, 'UTC');
    name text := 'uses_' || to_char(first at time zone 'UTC', 'YYYY_MM');
begin
    perform pg_advisory_xact_lock(hashtext(name));  -- two servers may start at the same time
    if to_regclass('ledger.' || name) is null then
        execute format('create table ledger.%I partition of ledger.uses for values from (%L) to (%L)',
            name, first, first + interval '1 month');
        execute format('create trigger never_truncated before truncate on ledger.%I
            for each statement execute function ledger.refuse_rewriting()', name);
    end if;
end $$;

revoke all on function ledger.open_month(timestamptz) from public;

grant usage on schema ledger to muniment_writer, muniment_projector, muniment_reader;
grant usage on schema secrets to muniment_writer;
grant select, insert on ledger.changes, ledger.uses, ledger.snapshots to muniment_writer;
grant select, insert, update on ledger.heads to muniment_writer;
grant execute on function ledger.open_month(timestamptz) to muniment_writer;
grant select, insert, update, delete on all tables in schema secrets to muniment_writer;

grant select on ledger.heads, ledger.changes, ledger.uses to muniment_projector, muniment_reader;
grant usage, create on schema views to muniment_projector;
grant usage on schema views to muniment_writer, muniment_reader;
