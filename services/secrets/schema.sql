-- Secrets, sealed. The ledger never holds one; these rows are deleted where the ledger only grows.
create schema secrets;

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
