-- Texts too long for an entry, which names them by their digest (docs/adr/0051). They stay as the events do.
create table ledger.texts (
    account_id text not null,
    sha256 text not null,
    text bytea not null,
    primary key (account_id, sha256),
    check (sha256 = encode(sha256(text), 'hex'))
);

create trigger append_only before update or delete on ledger.texts
    for each row execute function ledger.refuse_rewriting();
create trigger never_truncated before truncate on ledger.texts
    for each statement execute function ledger.refuse_rewriting();

grant select, insert on ledger.texts to muniment_writer;
