-- The seeds of virtual MFA devices, sealed like the secrets of access keys, for the account: a device may be one user's
-- after the other.
create table secrets.mfa_seeds (
    account_id text not null,
    seed_id text not null,
    principal_id text not null,
    sealed bytea not null,
    primary key (account_id, seed_id),
    foreign key (account_id, principal_id) references secrets.data_keys on delete cascade
);

create index mfa_seeds_by_principal on secrets.mfa_seeds (account_id, principal_id);

grant select, insert, delete on secrets.mfa_seeds to muniment_writer;
