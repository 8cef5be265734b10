-- Ways of making the ledger one that can be altered, and of altering it, each as its owner or a superuser could.

-- name: a_trigger_is_off
alter table ledger.changes disable trigger append_only

-- name: a_partitions_trigger_is_gone
drop trigger never_truncated on ledger.uses_other

-- name: a_trigger_that_lets_through
create or replace trigger append_only before update on ledger.changes
    for each row when (old.position > 9) execute function ledger.refuse_rewriting()

-- name: heads_may_go_back
drop trigger never_back on ledger.heads

-- name: a_guard_lets_through
create or replace function ledger.refuse_rewriting() returns trigger language plpgsql as 'begin return new; end'

-- name: a_right_too_many
grant update on ledger.uses to muniment_projector

-- name: a_column_too_many
grant update (state) on ledger.changes to muniment_reader

-- name: a_login_that_may_delete
grant delete on ledger.heads to muniment_server

-- name: a_use_was_altered
set session_replication_role = replica;
update ledger.uses set at = at where position = 4

-- name: a_change_was_deleted
set session_replication_role = replica;
delete from ledger.changes where position = 2
