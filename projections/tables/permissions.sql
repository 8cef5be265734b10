-- Who holds which policy, and how, at every position.
-- fits: df752f6a347892c7650fc317f6064f8f7c5f221aebe800238b730b349ccf99ce
-- fits: 7dbc546e0ec331e7ce911c27a775508bbb39055a2d464d98a02b97c08e9d969d

-- name: schema
create table accounts (
    account_id text primary key,
    partition text not null
);

create table principals (
    like intervals,
    kind text not null check (kind in ('user', 'group', 'role')),
    entity_id text not null,
    name text not null,
    path text not null,
    arn text not null,
    primary key (account_id, valid_from, entity_id)
);
create unique index principals_open on principals (account_id, entity_id) where valid_to is null;
create index principals_by_entity on principals (account_id, entity_id);
create index principals_by_name on principals (account_id, lower(name));
create index principals_by_arn on principals (account_id, arn);

create table memberships (
    like intervals,
    user_id text not null,
    group_id text not null,
    primary key (account_id, valid_from, user_id, group_id)
);
create unique index memberships_open on memberships (account_id, user_id, group_id) where valid_to is null;
create index memberships_by_user on memberships (account_id, user_id, valid_from, valid_to);
create index memberships_by_group on memberships (account_id, group_id, valid_from, valid_to);

create table attachments (
    like intervals,
    kind text not null,
    entity_id text not null,
    policy_id text not null,
    policy_arn text not null,
    primary key (account_id, valid_from, entity_id, policy_arn)
);
create unique index attachments_open on attachments (account_id, entity_id, policy_arn) where valid_to is null;
create index attachments_by_entity on attachments (account_id, entity_id, valid_from, valid_to);
create index attachments_by_policy on attachments (account_id, policy_arn, valid_from, valid_to);

create table inline_policies (
    like intervals,
    kind text not null,
    entity_id text not null,
    policy_name text not null,
    document text not null,
    primary key (account_id, valid_from, entity_id, policy_name)
);
create unique index inline_policies_open on inline_policies (account_id, entity_id, policy_name)
    where valid_to is null;
create index inline_policies_by_entity on inline_policies (account_id, entity_id, valid_from, valid_to);

-- Versions of managed policies, and which of them is the default.
create table policy_versions (
    like intervals,
    policy_arn text not null,
    version int not null,
    document text not null,
    primary key (account_id, valid_from, policy_arn, version)
);
create unique index policy_versions_open on policy_versions (account_id, policy_arn, version) where valid_to is null;
create index policy_versions_by_arn on policy_versions (account_id, policy_arn, version, valid_from, valid_to);

create table policy_defaults (
    like intervals,
    policy_arn text not null,
    policy_name text not null,
    version int not null,
    primary key (account_id, valid_from, policy_arn)
);
create unique index policy_defaults_open on policy_defaults (account_id, policy_arn) where valid_to is null;
create index policy_defaults_by_arn on policy_defaults (account_id, policy_arn, valid_from, valid_to);

-- name: functions
-- The row of a user, group or role. Its name and path are fields of the event, which may say `new_` before them.
create or replace function opened_principal(of_table anyelement, in_account text, at_position bigint,
    at_time timestamptz, entry jsonb, kind text, prefix text default '')
returns setof anyelement language sql stable as $$
    select new.* from accounts, lateral (select entry -> 'event' as event) as said,
        lateral (select event ->> (prefix || kind || '_name') as name, event ->> (prefix || 'path') as path) as called,
        lateral opened(of_table, in_account, at_position, at_time, entry, jsonb_build_object(
            'kind', kind, 'entity_id', event ->> (kind || '_id'), 'name', name, 'path', path,
            'arn', 'arn:' || partition || ':iam::' || in_account || ':' || kind || path || name)) as new
    where accounts.account_id = in_account
$$;

-- name: account.created.v1
insert into accounts values (%(account_id)s, %(entry)s #>> '{event,partition}')

-- name: iam.user.created.v1
-- name: iam.group.created.v1
-- name: iam.role.created.v1
insert into principals select * from opened_principal(null::principals, %(account_id)s, %(position)s, %(at)s,
    %(entry)s, split_part(%(topic)s, '.', 2))

-- name: iam.user.updated.v1
-- name: iam.group.updated.v1
insert into principals
select new.* from split_part(%(topic)s, '.', 2) as noun
cross join lateral close_interval(null::principals, %(account_id)s, %(position)s, %(at)s, %(entry)s,
    array['entity_id=' || noun || '_id']) as former
cross join lateral opened_principal(null::principals, %(account_id)s, %(position)s, %(at)s, %(entry)s, noun, 'new_')
    as new

-- name: iam.user.deleted.v1
-- name: iam.group.deleted.v1
-- name: iam.role.deleted.v1
-- What it held and belonged to ends with it. A field that the event does not have is no membership's.
select close_interval(null::memberships, %(account_id)s, %(position)s, %(at)s, %(entry)s, '{user_id}'),
    close_interval(null::memberships, %(account_id)s, %(position)s, %(at)s, %(entry)s, '{group_id}'),
    close_interval(null::attachments, %(account_id)s, %(position)s, %(at)s, %(entry)s, array[entity]),
    close_interval(null::inline_policies, %(account_id)s, %(position)s, %(at)s, %(entry)s, array[entity]),
    close_interval(null::principals, %(account_id)s, %(position)s, %(at)s, %(entry)s, array[entity])
from (select 'entity_id=' || split_part(%(topic)s, '.', 2) || '_id' as entity) as deleted

-- name: iam.group.user_added.v1
insert into memberships select * from opened(null::memberships, %(account_id)s, %(position)s, %(at)s, %(entry)s)

-- name: iam.group.user_removed.v1
select close_interval(null::memberships, %(account_id)s, %(position)s, %(at)s, %(entry)s, '{user_id,group_id}')

-- name: iam.policy.attached.v1
insert into attachments select * from opened(null::attachments, %(account_id)s, %(position)s, %(at)s, %(entry)s,
    jsonb_build_object('kind', %(entry)s #> '{event,entity}'))

-- name: iam.policy.detached.v1
select close_interval(null::attachments, %(account_id)s, %(position)s, %(at)s, %(entry)s, '{entity_id,policy_arn}')

-- name: iam.inline_policy.put.v1
-- The count makes the former document's row close before the new one's opens.
insert into inline_policies
select new.* from (
    select count(*) from close_interval(null::inline_policies, %(account_id)s, %(position)s, %(at)s, %(entry)s,
        '{entity_id,policy_name}')
) as former
cross join lateral opened(null::inline_policies, %(account_id)s, %(position)s, %(at)s, %(entry)s,
    jsonb_build_object('kind', %(entry)s #> '{event,entity}')) as new

-- name: iam.inline_policy.deleted.v1
select close_interval(null::inline_policies, %(account_id)s, %(position)s, %(at)s, %(entry)s, '{entity_id,policy_name}')

-- name: iam.policy.created.v1
with version as (
    insert into policy_versions select * from opened(null::policy_versions, %(account_id)s, %(position)s, %(at)s,
        %(entry)s, '{"version": 1}')
)
insert into policy_defaults select * from opened(null::policy_defaults, %(account_id)s, %(position)s, %(at)s, %(entry)s,
    '{"version": 1}')

-- name: iam.policy.version_created.v1
with version as (
    insert into policy_versions select * from opened(null::policy_versions, %(account_id)s, %(position)s, %(at)s,
        %(entry)s)
)
insert into policy_defaults
select new.* from close_interval(null::policy_defaults, %(account_id)s, %(position)s, %(at)s, %(entry)s,
    '{policy_arn}') as former
cross join lateral opened(null::policy_defaults, %(account_id)s, %(position)s, %(at)s, %(entry)s,
    jsonb_build_object('policy_name', former.policy_name)) as new
where (%(entry)s #>> '{event,is_default}')::boolean

-- name: iam.policy.default_version_set.v1
insert into policy_defaults
select new.* from close_interval(null::policy_defaults, %(account_id)s, %(position)s, %(at)s, %(entry)s,
    '{policy_arn}') as former
cross join lateral opened(null::policy_defaults, %(account_id)s, %(position)s, %(at)s, %(entry)s,
    jsonb_build_object('policy_name', former.policy_name)) as new

-- name: iam.policy.version_deleted.v1
select close_interval(null::policy_versions, %(account_id)s, %(position)s, %(at)s, %(entry)s, '{policy_arn,version}')

-- name: iam.policy.deleted.v1
select close_interval(null::policy_versions, %(account_id)s, %(position)s, %(at)s, %(entry)s, '{policy_arn}'),
    close_interval(null::policy_defaults, %(account_id)s, %(position)s, %(at)s, %(entry)s, '{policy_arn}')

-- name: iam.managed_catalogue.adopted.v1
-- Each policy in it is from here on as the catalogue has it, with this one version. The counts
-- make the former rows close before the new ones open.
with adopted as (
    select * from jsonb_to_recordset(%(entry)s #> '{event,versions}')
        as version (policy_arn text, policy_name text, version int, document text)
), former_versions as (
    update policy_versions set valid_to = %(position)s, valid_to_at = %(at)s, closed_by = actor(%(entry)s)
    where account_id = %(account_id)s and valid_to is null and policy_arn in (select policy_arn from adopted)
    returning 1
), former_defaults as (
    update policy_defaults set valid_to = %(position)s, valid_to_at = %(at)s, closed_by = actor(%(entry)s)
    where account_id = %(account_id)s and valid_to is null and policy_arn in (select policy_arn from adopted)
    returning 1
), versions as (
    insert into policy_versions (account_id, valid_from, valid_from_at, opened_by, policy_arn, version, document)
    select %(account_id)s, %(position)s, %(at)s, actor(%(entry)s), policy_arn, version, document
    from adopted cross join (select count(*) from former_versions) as closed
)
insert into policy_defaults (account_id, valid_from, valid_from_at, opened_by, policy_arn, policy_name, version)
select %(account_id)s, %(position)s, %(at)s, actor(%(entry)s), policy_arn, policy_name, version
from adopted cross join (select count(*) from former_defaults) as closed
