-- The hashes of passwords, sealed like the secrets of access keys: the current one of each login profile, and the
-- earlier ones that reuse prevention may still ask for.
create table secrets.password_hashes (
    account_id text not null,
    password_id text not null,
    principal_id text not null,
    sealed bytea not null,
    primary key (account_id, password_id),
    foreign key (account_id, principal_id) references secrets.data_keys on delete cascade
);

create index password_hashes_by_principal on secrets.password_hashes (account_id, principal_id);

grant select, insert, update, delete on secrets.password_hashes to muniment_writer;
