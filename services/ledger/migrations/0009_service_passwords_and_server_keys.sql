-- The passwords of service-specific credentials and the private keys of server certificates, sealed like the secrets of
-- access keys: for the user, and for the account.
create table secrets.service_passwords (
    account_id text not null,
    secret_id text not null,
    principal_id text not null,
    sealed bytea not null,
    primary key (account_id, secret_id),
    foreign key (account_id, principal_id) references secrets.data_keys on delete cascade
);

create index service_passwords_by_principal on secrets.service_passwords (account_id, principal_id);

grant select, insert, delete on secrets.service_passwords to muniment_writer;

create table secrets.server_certificate_keys (
    account_id text not null,
    secret_id text not null,
    principal_id text not null,
    sealed bytea not null,
    primary key (account_id, secret_id),
    foreign key (account_id, principal_id) references secrets.data_keys on delete cascade
);

create index server_certificate_keys_by_principal on secrets.server_certificate_keys (account_id, principal_id);

grant select, insert, delete on secrets.server_certificate_keys to muniment_writer;
