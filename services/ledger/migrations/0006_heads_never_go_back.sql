-- What a server's login could still take back, it needs for nothing. A head only moves on: set back, it would give
-- positions that are taken once more, and hide that the last events are gone.
create function ledger.refuse_going_back() returns trigger language plpgsql as $$
begin
    raise exception 'A head only moves on: % on %.% is refused.', tg_op, tg_table_schema, tg_table_name
        using errcode = 'integrity_constraint_violation';
end $$;

create trigger never_back before update on ledger.heads for each row
    when (new.account_id <> old.account_id or new.position < old.position or new.last_change < old.last_change
        or new.at < old.at)
    execute function ledger.refuse_going_back();
create trigger never_deleted before delete on ledger.heads
    for each row execute function ledger.refuse_going_back();
create trigger never_truncated before truncate on ledger.heads
    for each statement execute function ledger.refuse_going_back();

revoke update on ledger.heads from muniment_writer;
grant update (position, last_change, at) on ledger.heads to muniment_writer;

-- A secret is sealed once and deleted; of a data key only the wrapping changes, when the master key does.
revoke update on secrets.access_key_secrets, secrets.password_hashes, secrets.data_keys from muniment_writer;
grant update (master_key_id, wrapped) on secrets.data_keys to muniment_writer;
