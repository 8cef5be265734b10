-- The private keys of SAML providers, sealed like the secrets of access keys, for the account.
create table secrets.saml_private_keys (
    account_id text not null,
    key_id text not null,
    principal_id text not null,
    sealed bytea not null,
    primary key (account_id, key_id),
    foreign key (account_id, principal_id) references secrets.data_keys on delete cascade
);

create index saml_private_keys_by_principal on secrets.saml_private_keys (account_id, principal_id);

grant select, insert, delete on secrets.saml_private_keys to muniment_writer;
