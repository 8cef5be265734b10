-- Ledgers as transparency logs (docs/adr/0066): a Merkle tree of each account's entries, and one of the accounts' heads.

-- How many of the account's entries its tree has, and the roots of the complete subtrees that it consists of, the
-- largest first. What an older program has written is added when the ledger is next written, or at the next start.
alter table ledger.heads add column tree_size bigint not null default 0, add column tree bytea not null default '';
grant update (tree_size, tree) on ledger.heads to muniment_writer;

create or replace trigger never_back before update on ledger.heads for each row
    when (new.account_id <> old.account_id or new.position < old.position or new.last_change < old.last_change
        or new.at < old.at or new.tree_size < old.tree_size)
    execute function ledger.refuse_going_back();
