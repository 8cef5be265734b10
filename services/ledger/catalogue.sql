-- name: triggers
-- Those of a ledger's table that are missing, switched off, or for less than they were made for. The events are the bits
-- of pg_trigger.tgtype: 1 for each row, 2 before, 8 delete, 16 update, 32 truncate.
with named (name, events, conditional) as (
    values ('append_only', 27, false), ('never_truncated', 34, false), ('never_back', 19, true),
        ('never_deleted', 11, false)
), guarded (relid, name) as (
    select to_regclass('ledger.heads'), name from named where name <> 'append_only'
    union all
    select relid, name from named cross join (
        values (to_regclass('ledger.changes')), (to_regclass('ledger.uses'))
        union all select inhrelid from pg_inherits where inhparent = to_regclass('ledger.uses')
    ) as tables (relid) where name in ('append_only', 'never_truncated')
)
select relid::regclass::text, name from guarded join named using (name)
where not exists (
    select from pg_trigger join pg_proc on pg_proc.oid = tgfoid
    where tgrelid = relid and tgname = name and tgtype = events and (tgqual is not null) = conditional
        and tgenabled in ('O', 'A') and pronamespace = to_regnamespace('ledger') and proname like 'refuse\_%'
) order by 1, 2

-- name: functions
select proname, prosrc from pg_proc where pronamespace = to_regnamespace('ledger') order by 1

-- name: rewritings
-- What PostgreSQL has counted since its statistics were last reset; what was rolled back, too.
select schemaname || '.' || relname, n_tup_upd, n_tup_del from pg_stat_user_tables
where schemaname = 'ledger' and (relname = 'changes' or relname like 'uses%') and n_tup_upd + n_tup_del > 0
    or schemaname = 'ledger' and relname = 'heads' and n_tup_del > 0
order by 1

-- name: rights
-- Of whoever is neither the owner nor a superuser. Of a head, a server moves on three columns.
select rolname, pg_class.oid::regclass::text, privilege from pg_class cross join pg_roles
    cross join unnest(array['UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) as privileges (privilege)
where relnamespace = to_regnamespace('ledger') and relkind in ('r', 'p')
    and not rolsuper and rolname not like 'pg\_%' and not pg_has_role(pg_roles.oid, relowner, 'member')
    and case when privilege = 'UPDATE' and relname <> 'heads'
        then has_any_column_privilege(pg_roles.oid, pg_class.oid, privilege)
        else has_table_privilege(pg_roles.oid, pg_class.oid, privilege) end
order by 1, 2, 3
