-- Whose an access key is, where its id does not tell by its shape: brought from elsewhere when an account was created.
-- The installation's ledger claims such an id in the same transaction, for ever; here it is looked up.
create table secrets.access_key_accounts (
    access_key_id text primary key,
    account_id text not null
);

grant select, insert on secrets.access_key_accounts to muniment_writer;
