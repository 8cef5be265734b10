-- name: triggers
-- Those of a ledger's table that are missing or switched off.
with guarded (relid, name) as (
    select to_regclass('ledger.' || tables), name
    from (values ('heads', 'never_back'), ('heads', 'never_deleted'), ('heads', 'never_truncated'),
        ('changes', 'append_only'), ('changes', 'never_truncated'),
        ('uses', 'append_only'), ('uses', 'never_truncated')) as named (tables, name)
    union all
    select inhrelid, name from pg_inherits cross join (values ('append_only'), ('never_truncated')) as named (name)
    where inhparent = to_regclass('ledger.uses')
)
select relid::regclass::text, name from guarded
where not exists (
    select from pg_trigger join pg_proc on pg_proc.oid = tgfoid
    where tgrelid = relid and tgname = name and tgenabled in ('O', 'A')
        and pronamespace = to_regnamespace('ledger') and proname like 'refuse\_%%'
) order by 1, 2

-- name: functions
select proname, prosrc from pg_proc where pronamespace = to_regnamespace('ledger') order by 1

-- name: rewritings
-- What PostgreSQL has counted since its statistics were last reset; what was rolled back, too.
select schemaname || '.' || relname, n_tup_upd, n_tup_del from pg_stat_user_tables
where relid in (to_regclass('ledger.changes'), to_regclass('ledger.uses'))
    and n_tup_upd + n_tup_del > 0
    or relid in (select inhrelid from pg_inherits where inhparent = to_regclass('ledger.uses'))
    and n_tup_upd + n_tup_del > 0
    or relid = to_regclass('ledger.heads') and n_tup_del > 0
order by 1

-- name: rights
-- Of whoever is neither the owner nor a superuser. Of a head, a server moves on three columns.
select rolname, pg_class.oid::regclass::text, privilege from pg_class cross join pg_roles
    cross join unnest(array['UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) as privileges (privilege)
where relnamespace = to_regnamespace('ledger') and relkind in ('r', 'p')
    and not rolsuper and rolname not like 'pg\_%%' and not pg_has_role(pg_roles.oid, relowner, 'member')
    and case when privilege = 'UPDATE' and relname <> 'heads'
        then has_any_column_privilege(pg_roles.oid, pg_class.oid, privilege)
        else has_table_privilege(pg_roles.oid, pg_class.oid, privilege) end
order by 1, 2, 3
