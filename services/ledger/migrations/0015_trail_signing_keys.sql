-- With which digests of trails are signed, sealed like the secrets of access keys, for the account (docs/adr/0068).
create table secrets.trail_signing_keys (
    account_id text not null,
    fingerprint text not null,
    principal_id text not null,
    sealed bytea not null,
    primary key (account_id, fingerprint),
    foreign key (account_id, principal_id) references secrets.data_keys on delete cascade
);

create index trail_signing_keys_by_principal on secrets.trail_signing_keys (account_id, principal_id);

grant select, insert, delete on secrets.trail_signing_keys to muniment_writer;
