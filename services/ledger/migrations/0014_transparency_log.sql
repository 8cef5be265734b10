-- Ledgers as transparency logs (docs/adr/0066): a Merkle tree of each account's entries, and one of the accounts' heads.

-- How many of the account's entries its tree has, and the roots of the complete subtrees that it consists of, the
-- largest first. What an older program has written is added when the ledger is next written, or at the next start.
alter table ledger.heads add column tree_size bigint not null default 0, add column tree bytea not null default '';
grant update (tree_size, tree) on ledger.heads to muniment_writer;

create or replace trigger never_back before update on ledger.heads for each row
    when (new.account_id <> old.account_id or new.position < old.position or new.last_change < old.last_change
        or new.at < old.at or new.tree_size < old.tree_size)
    execute function ledger.refuse_going_back();

create schema log;

-- What has been published of a log is never altered: a checkpoint was signed over it.
create function ledger.refuse_rewriting_the_log() returns trigger language plpgsql as $$
begin
    raise exception 'What a checkpoint was signed over stays: % on %.% is refused.', tg_op, tg_table_schema, tg_table_name
        using errcode = 'integrity_constraint_violation';
end $$;

-- Full tiles (C2SP tlog-tiles) of an account's log, or of the log of heads, whose name is 'heads'. The root is that of
-- the tile's hashes: the tile above has it.
create table log.tiles (
    log text not null,
    level smallint not null,
    tile bigint not null,
    hashes bytea not null check (octet_length(hashes) = 8192),
    root bytea not null check (octet_length(root) = 32),
    primary key (log, level, tile)
);

-- The entries of the log of heads: each is an account's checkpoint, unsigned.
create table log.heads (
    index bigint primary key,
    account_id text not null,
    size bigint not null,
    entry text not null
);
create index heads_by_account on log.heads (account_id, size);

-- How much of each account's log stands in the log of heads, and how many leaves of each log stand in full tiles.
create table log.progress (
    log text primary key,
    published_size bigint not null default 0,
    tiled_size bigint not null default 0
);

-- The newest checkpoint of the log of heads, whose row is the lock of whoever makes the next.
create table log.state (
    single boolean primary key default true check (single),
    origin text,
    size bigint not null default 0,
    tree bytea not null default '',
    at timestamptz not null default 'epoch'
);
insert into log.state default values;

-- Checkpoints of the log of heads as they were signed; of earlier hours the last of each stays.
create table log.checkpoints (
    size bigint primary key,
    at timestamptz not null,
    note text not null,
    -- When as many witnesses had signed it as the policy of that time asked for.
    witnessed_at timestamptz
);

-- What each witness has signed last, and why not since.
create table log.witnesses (
    name text primary key,
    size bigint not null default 0,
    signed_at timestamptz,
    error text
);

create trigger append_only before update or delete on log.tiles
    for each row execute function ledger.refuse_rewriting_the_log();
create trigger never_truncated before truncate on log.tiles
    for each statement execute function ledger.refuse_rewriting_the_log();
create trigger append_only before update or delete on log.heads
    for each row execute function ledger.refuse_rewriting_the_log();
create trigger never_truncated before truncate on log.heads
    for each statement execute function ledger.refuse_rewriting_the_log();

grant usage on schema log to muniment_writer, muniment_reader;
grant select, insert on log.tiles, log.heads to muniment_writer;
grant select, insert, update on log.progress, log.witnesses to muniment_writer;
grant select, insert, update, delete on log.checkpoints to muniment_writer;
grant select, update on log.state to muniment_writer;
grant select on all tables in schema log to muniment_reader;

-- With which the installation signs, sealed like the secrets of access keys.
create table secrets.signing_keys (
    account_id text not null,
    key_id text not null,
    principal_id text not null,
    sealed bytea not null,
    primary key (account_id, key_id),
    foreign key (account_id, principal_id) references secrets.data_keys on delete cascade
);

create index signing_keys_by_principal on secrets.signing_keys (account_id, principal_id);

grant select, insert, delete on secrets.signing_keys to muniment_writer;

-- Evidence carries the texts that entries name.
grant select on ledger.texts to muniment_reader;
