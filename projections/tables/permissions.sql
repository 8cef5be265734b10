-- Who holds which policy, and how, at every position.
-- ignores: iam.account_alias.created.v1 iam.account_alias.deleted.v1 account.closed.v1
-- ignores: installation.account.retired.v1 installation.alias.claimed.v1 installation.alias.released.v1
-- ignores: installation.access_key_id.claimed.v1
-- ignores: installation.founded.v1 installation.account.opened.v1 installation.managed_catalogue.published.v1
-- ignores: installation.action_catalogue.published.v1
-- ignores: iam.role.updated.v1 iam.role.trust_policy_replaced.v1 iam.credential.used.v1
-- ignores: iam.access_key.created.v1 iam.access_key.activated.v1 iam.access_key.deactivated.v1
-- ignores: iam.access_key.deleted.v1 sts.session.issued.v1 sts.session.revoked.v1
-- ignores: api.called.v1 api.unauthenticated_called.v1
-- ignores: iam.login_profile.created.v1 iam.login_profile.updated.v1 iam.login_profile.deleted.v1
-- ignores: iam.password.changed.v1 iam.password.attempt_failed.v1 iam.account.password_policy.updated.v1
-- ignores: iam.account.password_policy.deleted.v1
-- ignores: iam.access_key.rotation_warned.v1 iam.access_key.rotation_due.v1 iam.access_key.rotation_overdue.v1
-- ignores: iam.credential.idle.v1 iam.password.expired.v1 sts.session.expired.v1 sts.session.expiries_recorded.v1
-- ignores: iam.entity.tagged.v1 iam.entity.untagged.v1
-- ignores: iam.permissions_boundary.put.v1 iam.permissions_boundary.deleted.v1
-- ignores: account.organization_policies.applied.v1 account.organization.left.v1
-- ignores: installation.organization.set.v1 installation.organization.removed.v1
-- ignores: account.credential.contained.v1
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

-- name: account.created.v1
insert into accounts values (%(account_id)s, %(entry)s #>> '{event,partition}')

-- name: iam.user.created.v1
insert into principals (account_id, valid_from, valid_from_at, opened_by, kind, entity_id, name, path, arn)
select %(account_id)s, %(position)s, %(at)s, actor(%(entry)s), 'user', event.user_id, event.user_name, event.path,
    'arn:' || accounts.partition || ':iam::' || account_id || ':user' || event.path || event.user_name
from accounts, jsonb_to_record(%(entry)s -> 'event') as event (user_id text, user_name text, path text)
where account_id = %(account_id)s

-- name: iam.user.updated.v1
with former as (
    update principals set valid_to = %(position)s, valid_to_at = %(at)s, closed_by = actor(%(entry)s)
    where account_id = %(account_id)s and valid_to is null and entity_id = %(entry)s #>> '{event,user_id}'
    returning entity_id
)
insert into principals (account_id, valid_from, valid_from_at, opened_by, kind, entity_id, name, path, arn)
select %(account_id)s, %(position)s, %(at)s, actor(%(entry)s), 'user', entity_id, event.new_user_name, event.new_path,
    'arn:' || accounts.partition || ':iam::' || account_id || ':user' || event.new_path || event.new_user_name
from accounts, former, jsonb_to_record(%(entry)s -> 'event') as event (new_user_name text, new_path text)
where account_id = %(account_id)s

-- name: iam.user.deleted.v1
-- What it held and belonged to ends with it.
with left_groups as (
    update memberships set valid_to = %(position)s, valid_to_at = %(at)s, closed_by = actor(%(entry)s)
    where account_id = %(account_id)s and valid_to is null and user_id = %(entry)s #>> '{event,user_id}'
), detached as (
    update attachments set valid_to = %(position)s, valid_to_at = %(at)s, closed_by = actor(%(entry)s)
    where account_id = %(account_id)s and valid_to is null and entity_id = %(entry)s #>> '{event,user_id}'
), withdrawn as (
    update inline_policies set valid_to = %(position)s, valid_to_at = %(at)s, closed_by = actor(%(entry)s)
    where account_id = %(account_id)s and valid_to is null and entity_id = %(entry)s #>> '{event,user_id}'
)
update principals set valid_to = %(position)s, valid_to_at = %(at)s, closed_by = actor(%(entry)s)
where account_id = %(account_id)s and valid_to is null and entity_id = %(entry)s #>> '{event,user_id}'

-- name: iam.group.created.v1
insert into principals (account_id, valid_from, valid_from_at, opened_by, kind, entity_id, name, path, arn)
select %(account_id)s, %(position)s, %(at)s, actor(%(entry)s), 'group', event.group_id, event.group_name, event.path,
    'arn:' || accounts.partition || ':iam::' || account_id || ':group' || event.path || event.group_name
from accounts, jsonb_to_record(%(entry)s -> 'event') as event (group_id text, group_name text, path text)
where account_id = %(account_id)s

-- name: iam.group.updated.v1
with former as (
    update principals set valid_to = %(position)s, valid_to_at = %(at)s, closed_by = actor(%(entry)s)
    where account_id = %(account_id)s and valid_to is null and entity_id = %(entry)s #>> '{event,group_id}'
    returning entity_id
)
insert into principals (account_id, valid_from, valid_from_at, opened_by, kind, entity_id, name, path, arn)
select %(account_id)s, %(position)s, %(at)s, actor(%(entry)s), 'group', entity_id, event.new_group_name, event.new_path,
    'arn:' || accounts.partition || ':iam::' || account_id || ':group' || event.new_path || event.new_group_name
from accounts, former, jsonb_to_record(%(entry)s -> 'event') as event (new_group_name text, new_path text)
where account_id = %(account_id)s

-- name: iam.group.deleted.v1
-- What it held and belonged to ends with it.
with left_users as (
    update memberships set valid_to = %(position)s, valid_to_at = %(at)s, closed_by = actor(%(entry)s)
    where account_id = %(account_id)s and valid_to is null and group_id = %(entry)s #>> '{event,group_id}'
), detached as (
    update attachments set valid_to = %(position)s, valid_to_at = %(at)s, closed_by = actor(%(entry)s)
    where account_id = %(account_id)s and valid_to is null and entity_id = %(entry)s #>> '{event,group_id}'
), withdrawn as (
    update inline_policies set valid_to = %(position)s, valid_to_at = %(at)s, closed_by = actor(%(entry)s)
    where account_id = %(account_id)s and valid_to is null and entity_id = %(entry)s #>> '{event,group_id}'
)
update principals set valid_to = %(position)s, valid_to_at = %(at)s, closed_by = actor(%(entry)s)
where account_id = %(account_id)s and valid_to is null and entity_id = %(entry)s #>> '{event,group_id}'

-- name: iam.role.created.v1
insert into principals (account_id, valid_from, valid_from_at, opened_by, kind, entity_id, name, path, arn)
select %(account_id)s, %(position)s, %(at)s, actor(%(entry)s), 'role', event.role_id, event.role_name, event.path,
    'arn:' || accounts.partition || ':iam::' || account_id || ':role' || event.path || event.role_name
from accounts, jsonb_to_record(%(entry)s -> 'event') as event (role_id text, role_name text, path text)
where account_id = %(account_id)s

-- name: iam.role.deleted.v1
-- What it held and belonged to ends with it.
with detached as (
    update attachments set valid_to = %(position)s, valid_to_at = %(at)s, closed_by = actor(%(entry)s)
    where account_id = %(account_id)s and valid_to is null and entity_id = %(entry)s #>> '{event,role_id}'
), withdrawn as (
    update inline_policies set valid_to = %(position)s, valid_to_at = %(at)s, closed_by = actor(%(entry)s)
    where account_id = %(account_id)s and valid_to is null and entity_id = %(entry)s #>> '{event,role_id}'
)
update principals set valid_to = %(position)s, valid_to_at = %(at)s, closed_by = actor(%(entry)s)
where account_id = %(account_id)s and valid_to is null and entity_id = %(entry)s #>> '{event,role_id}'

-- name: iam.group.user_added.v1
insert into memberships (account_id, valid_from, valid_from_at, opened_by, user_id, group_id)
values (%(account_id)s, %(position)s, %(at)s, actor(%(entry)s),
    %(entry)s #>> '{event,user_id}', %(entry)s #>> '{event,group_id}')

-- name: iam.group.user_removed.v1
update memberships set valid_to = %(position)s, valid_to_at = %(at)s, closed_by = actor(%(entry)s)
where account_id = %(account_id)s and valid_to is null and user_id = %(entry)s #>> '{event,user_id}'
    and group_id = %(entry)s #>> '{event,group_id}'

-- name: iam.policy.attached.v1
insert into attachments (account_id, valid_from, valid_from_at, opened_by, kind, entity_id, policy_id, policy_arn)
values (%(account_id)s, %(position)s, %(at)s, actor(%(entry)s),
    %(entry)s #>> '{event,entity}', %(entry)s #>> '{event,entity_id}',
    %(entry)s #>> '{event,policy_id}', %(entry)s #>> '{event,policy_arn}')

-- name: iam.policy.detached.v1
update attachments set valid_to = %(position)s, valid_to_at = %(at)s, closed_by = actor(%(entry)s)
where account_id = %(account_id)s and valid_to is null and entity_id = %(entry)s #>> '{event,entity_id}'
    and policy_arn = %(entry)s #>> '{event,policy_arn}'

-- name: iam.inline_policy.put.v1
-- The count makes the former document's row close before the new one's opens.
with former as (
    update inline_policies set valid_to = %(position)s, valid_to_at = %(at)s, closed_by = actor(%(entry)s)
    where account_id = %(account_id)s and valid_to is null and entity_id = %(entry)s #>> '{event,entity_id}'
        and policy_name = %(entry)s #>> '{event,policy_name}'
    returning 1
)
insert into inline_policies (account_id, valid_from, valid_from_at, opened_by, kind, entity_id, policy_name, document)
select %(account_id)s, %(position)s, %(at)s, actor(%(entry)s),
    %(entry)s #>> '{event,entity}', %(entry)s #>> '{event,entity_id}',
    %(entry)s #>> '{event,policy_name}', %(entry)s #>> '{event,document}'
from (select count(*) from former) as closed

-- name: iam.inline_policy.deleted.v1
update inline_policies set valid_to = %(position)s, valid_to_at = %(at)s, closed_by = actor(%(entry)s)
where account_id = %(account_id)s and valid_to is null and entity_id = %(entry)s #>> '{event,entity_id}'
    and policy_name = %(entry)s #>> '{event,policy_name}'

-- name: iam.policy.created.v1
with version as (
    insert into policy_versions (account_id, valid_from, valid_from_at, opened_by, policy_arn, version, document)
    values (%(account_id)s, %(position)s, %(at)s, actor(%(entry)s),
        %(entry)s #>> '{event,policy_arn}', 1, %(entry)s #>> '{event,document}')
)
insert into policy_defaults (account_id, valid_from, valid_from_at, opened_by, policy_arn, policy_name, version)
values (%(account_id)s, %(position)s, %(at)s, actor(%(entry)s),
    %(entry)s #>> '{event,policy_arn}', %(entry)s #>> '{event,policy_name}', 1)

-- name: iam.policy.version_created.v1
with version as (
    insert into policy_versions (account_id, valid_from, valid_from_at, opened_by, policy_arn, version, document)
    values (%(account_id)s, %(position)s, %(at)s, actor(%(entry)s),
        %(entry)s #>> '{event,policy_arn}', (%(entry)s #>> '{event,version}')::int, %(entry)s #>> '{event,document}')
), former as (
    update policy_defaults set valid_to = %(position)s, valid_to_at = %(at)s, closed_by = actor(%(entry)s)
    where account_id = %(account_id)s and valid_to is null and policy_arn = %(entry)s #>> '{event,policy_arn}'
        and (%(entry)s #>> '{event,is_default}')::boolean
    returning policy_name
)
insert into policy_defaults (account_id, valid_from, valid_from_at, opened_by, policy_arn, policy_name, version)
select %(account_id)s, %(position)s, %(at)s, actor(%(entry)s), %(entry)s #>> '{event,policy_arn}', policy_name,
    (%(entry)s #>> '{event,version}')::int
from former

-- name: iam.policy.default_version_set.v1
with former as (
    update policy_defaults set valid_to = %(position)s, valid_to_at = %(at)s, closed_by = actor(%(entry)s)
    where account_id = %(account_id)s and valid_to is null and policy_arn = %(entry)s #>> '{event,policy_arn}'
    returning policy_name
)
insert into policy_defaults (account_id, valid_from, valid_from_at, opened_by, policy_arn, policy_name, version)
select %(account_id)s, %(position)s, %(at)s, actor(%(entry)s), %(entry)s #>> '{event,policy_arn}', policy_name,
    (%(entry)s #>> '{event,version}')::int
from former

-- name: iam.policy.version_deleted.v1
update policy_versions set valid_to = %(position)s, valid_to_at = %(at)s, closed_by = actor(%(entry)s)
where account_id = %(account_id)s and valid_to is null and policy_arn = %(entry)s #>> '{event,policy_arn}'
    and version = (%(entry)s #>> '{event,version}')::int

-- name: iam.policy.deleted.v1
with versions as (
    update policy_versions set valid_to = %(position)s, valid_to_at = %(at)s, closed_by = actor(%(entry)s)
    where account_id = %(account_id)s and valid_to is null and policy_arn = %(entry)s #>> '{event,policy_arn}'
)
update policy_defaults set valid_to = %(position)s, valid_to_at = %(at)s, closed_by = actor(%(entry)s)
where account_id = %(account_id)s and valid_to is null and policy_arn = %(entry)s #>> '{event,policy_arn}'

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
