-- What every credential gave birth to: sessions, keys, users, roles, and each change that can let somebody in again.
-- A birth is found by the access key that signed for it, in whatever account's ledger it stands: no two keys of an
-- installation have the same id, and that of a session is its session's own.
-- ignores: iam.account_alias.created.v1 iam.account_alias.deleted.v1 iam.group.updated.v1
-- ignores: iam.access_key.rotation_warned.v1 iam.access_key.rotation_due.v1 iam.access_key.rotation_overdue.v1
-- ignores: iam.credential.idle.v1 iam.password.expired.v1 account.organization_policies.applied.v1
-- ignores: account.organization.left.v1 iam.password.attempt_failed.v1 iam.account.password_policy.updated.v1
-- ignores: iam.account.password_policy.deleted.v1 iam.managed_catalogue.adopted.v1 iam.entity.tagged.v1
-- ignores: iam.entity.untagged.v1 iam.role.updated.v1 sts.session.expired.v1 sts.session.expiries_recorded.v1
-- ignores: iam.credential.used.v1 iam.user.updated.v1 installation.founded.v1
-- ignores: installation.managed_catalogue.published.v1 installation.action_catalogue.published.v1
-- ignores: installation.account.opened.v1 installation.account.retired.v1 installation.alias.claimed.v1
-- ignores: installation.alias.released.v1 installation.access_key_id.claimed.v1 installation.organization.set.v1
-- ignores: installation.organization.removed.v1 api.called.v1 api.unauthenticated_called.v1
-- ignores: account.credential.contained.v1
-- fits: 2e65aaf41d76477569d35ec53b528a35aa7c101ebb593bfca4129c4ee6b08bc4

-- name: schema
create table births (
    account_id text not null,
    position bigint not null,
    at timestamptz not null,
    request_id text not null,
    -- By whom: principal or operator, the key that signed, and its session when it was one.
    by_arn text not null,
    by_access_key_id text,
    by_session_id text,
    kind text not null check (kind in ('root', 'user', 'group', 'role', 'session', 'access_key', 'activation',
        'trust_policy', 'policy', 'policy_version', 'policy_default', 'inline_policy', 'inline_policy_removed',
        'attachment', 'detachment', 'membership', 'membership_removed', 'password', 'boundary', 'boundary_removed')),
    -- The unique id, key id, session id or ARN of what was born; of what is tied to its owner, the other end.
    subject_id text not null,
    -- Whose it is, and with whom it ends: a user, group, role or policy, or the account for root's.
    owner_id text not null,
    -- As the owner, or whatever was born itself, was called then.
    name text not null,
    arn text,
    -- Of sessions and keys: what signs for what they give birth to.
    access_key_id text,
    -- Of policies, which version, and of texts the digest.
    version text,
    sha256 text,
    expires_at timestamptz,
    ended_as text check (ended_as in ('deleted', 'revoked', 'replaced', 'removed', 'closed')),
    ended_position bigint,
    ended_at timestamptz,
    ended_by text,
    primary key (account_id, position)
);
create index births_by_maker on births (by_access_key_id) where by_access_key_id is not null;
create index births_by_access_key on births (access_key_id) where access_key_id is not null;
create index births_by_owner on births (account_id, owner_id);
create index births_by_subject on births (account_id, subject_id);

-- While a key is inactive, and while a version of a policy is not its default.
create table suspensions (
    like intervals,
    born_position bigint not null,
    primary key (account_id, valid_from, born_position)
);
create unique index suspensions_open on suspensions (account_id, born_position) where valid_to is null;
create index suspensions_by_birth on suspensions (account_id, born_position, valid_from, valid_to);

-- name: account.created.v1
-- The root user comes with the account.
insert into births (account_id, position, at, request_id, by_arn, by_access_key_id, by_session_id,
    kind, subject_id, owner_id, name, arn)
values (%(account_id)s, %(position)s, %(at)s, %(entry)s #>> '{cause,request_id}', actor(%(entry)s),
    %(entry)s #>> '{cause,access_key_id}', %(entry)s #>> '{cause,session_id}',
    'root', %(account_id)s, %(account_id)s, 'root', 'arn:' || (%(entry)s #>> '{event,partition}') || ':iam::'
    || %(account_id)s || ':root')

-- name: account.closed.v1
-- What else the account has ends with its root, for whoever reads.
update births set ended_as = 'closed', ended_position = %(position)s, ended_at = %(at)s,
    ended_by = actor(%(entry)s)
where account_id = %(account_id)s and ended_position is null and position < %(position)s
    and position = 1 and %(entry)s is not null

-- name: iam.user.created.v1
insert into births (account_id, position, at, request_id, by_arn, by_access_key_id, by_session_id,
    kind, subject_id, owner_id, name, arn)
values (%(account_id)s, %(position)s, %(at)s, %(entry)s #>> '{cause,request_id}', actor(%(entry)s),
    %(entry)s #>> '{cause,access_key_id}', %(entry)s #>> '{cause,session_id}',
    'user', %(entry)s #>> '{event,user_id}', %(entry)s #>> '{event,user_id}', %(entry)s #>> '{event,user_name}',
    'arn:' || (select split_part(arn, ':', 2) from births where account_id = %(account_id)s and position = 1)
        || ':iam::' || %(account_id)s || ':user' || (%(entry)s #>> '{event,path}')
            || (%(entry)s #>> '{event,user_name}'))

-- name: iam.user.deleted.v1
-- With its keys, and with its sessions that are not over.
update births set ended_as = 'deleted', ended_position = %(position)s, ended_at = %(at)s,
    ended_by = actor(%(entry)s)
where account_id = %(account_id)s and ended_position is null and position < %(position)s
    and owner_id = %(entry)s #>> '{event,user_id}' and (expires_at is null or expires_at > %(at)s)

-- name: iam.group.created.v1
insert into births (account_id, position, at, request_id, by_arn, by_access_key_id, by_session_id,
    kind, subject_id, owner_id, name, arn)
values (%(account_id)s, %(position)s, %(at)s, %(entry)s #>> '{cause,request_id}', actor(%(entry)s),
    %(entry)s #>> '{cause,access_key_id}', %(entry)s #>> '{cause,session_id}',
    'group', %(entry)s #>> '{event,group_id}', %(entry)s #>> '{event,group_id}', %(entry)s #>> '{event,group_name}',
    'arn:' || (select split_part(arn, ':', 2) from births where account_id = %(account_id)s and position = 1)
        || ':iam::' || %(account_id)s || ':group' || (%(entry)s #>> '{event,path}')
            || (%(entry)s #>> '{event,group_name}'))

-- name: iam.group.deleted.v1
update births set ended_as = 'deleted', ended_position = %(position)s, ended_at = %(at)s,
    ended_by = actor(%(entry)s)
where account_id = %(account_id)s and ended_position is null and position < %(position)s
    and (owner_id = %(entry)s #>> '{event,group_id}' or subject_id = %(entry)s #>> '{event,group_id}')

-- name: iam.role.created.v1
insert into births (account_id, position, at, request_id, by_arn, by_access_key_id, by_session_id,
    kind, subject_id, owner_id, name, arn, sha256)
values (%(account_id)s, %(position)s, %(at)s, %(entry)s #>> '{cause,request_id}', actor(%(entry)s),
    %(entry)s #>> '{cause,access_key_id}', %(entry)s #>> '{cause,session_id}',
    'role', %(entry)s #>> '{event,role_id}', %(entry)s #>> '{event,role_id}', %(entry)s #>> '{event,role_name}',
    'arn:' || (select split_part(arn, ':', 2) from births where account_id = %(account_id)s and position = 1)
        || ':iam::' || %(account_id)s || ':role' || (%(entry)s #>> '{event,path}')
            || (%(entry)s #>> '{event,role_name}'), encode(sha256(convert_to(%(entry)s #>> '{event,trust_policy}',
                'UTF8')), 'hex'))

-- name: iam.role.deleted.v1
-- With its sessions that are not over.
update births set ended_as = 'deleted', ended_position = %(position)s, ended_at = %(at)s,
    ended_by = actor(%(entry)s)
where account_id = %(account_id)s and ended_position is null and position < %(position)s
    and owner_id = %(entry)s #>> '{event,role_id}' and (expires_at is null or expires_at > %(at)s)

-- name: iam.access_key.created.v1
insert into births (account_id, position, at, request_id, by_arn, by_access_key_id, by_session_id,
    kind, subject_id, owner_id, name, access_key_id)
values (%(account_id)s, %(position)s, %(at)s, %(entry)s #>> '{cause,request_id}', actor(%(entry)s),
    %(entry)s #>> '{cause,access_key_id}', %(entry)s #>> '{cause,session_id}',
    'access_key', %(entry)s #>> '{event,access_key_id}', %(entry)s #>> '{event,user_id}',
    %(entry)s #>> '{event,user_name}', %(entry)s #>> '{event,access_key_id}')

-- name: iam.access_key.deleted.v1
update births set ended_as = 'deleted', ended_position = %(position)s, ended_at = %(at)s,
    ended_by = actor(%(entry)s)
where account_id = %(account_id)s and ended_position is null and position < %(position)s
    and kind in ('access_key', 'activation') and subject_id = %(entry)s #>> '{event,access_key_id}'

-- name: iam.access_key.deactivated.v1
with former as (
    update births set ended_as = 'replaced', ended_position = %(position)s, ended_at = %(at)s,
        ended_by = actor(%(entry)s)
    where account_id = %(account_id)s and ended_position is null and position < %(position)s
        and kind = 'activation' and subject_id = %(entry)s #>> '{event,access_key_id}'
)
insert into suspensions (account_id, valid_from, valid_from_at, opened_by, born_position)
select %(account_id)s, %(position)s, %(at)s, actor(%(entry)s), key.position
from births as key
where key.account_id = %(account_id)s and key.kind = 'access_key'
    and key.subject_id = %(entry)s #>> '{event,access_key_id}'
    and key.ended_position is null and not exists (
        select from suspensions as open where open.account_id = key.account_id and open.born_position = key.position
            and open.valid_to is null
    )

-- name: iam.access_key.activated.v1
with former as (
    update suspensions as open set valid_to = %(position)s, valid_to_at = %(at)s, closed_by = actor(%(entry)s)
    from births as key
    where key.account_id = %(account_id)s and key.kind = 'access_key'
        and key.subject_id = %(entry)s #>> '{event,access_key_id}'
        and key.ended_position is null
        and open.account_id = key.account_id and open.born_position = key.position and open.valid_to is null
)
insert into births (account_id, position, at, request_id, by_arn, by_access_key_id, by_session_id,
    kind, subject_id, owner_id, name)
values (%(account_id)s, %(position)s, %(at)s, %(entry)s #>> '{cause,request_id}', actor(%(entry)s),
    %(entry)s #>> '{cause,access_key_id}', %(entry)s #>> '{cause,session_id}',
    'activation', %(entry)s #>> '{event,access_key_id}', %(entry)s #>> '{event,user_id}',
    %(entry)s #>> '{event,user_name}')

-- name: iam.role.trust_policy_replaced.v1
with former as (
    update births set ended_as = 'replaced', ended_position = %(position)s, ended_at = %(at)s,
        ended_by = actor(%(entry)s)
    where account_id = %(account_id)s and ended_position is null and position < %(position)s
        and kind = 'trust_policy' and owner_id = %(entry)s #>> '{event,role_id}'
)
insert into births (account_id, position, at, request_id, by_arn, by_access_key_id, by_session_id,
    kind, subject_id, owner_id, name, sha256)
values (%(account_id)s, %(position)s, %(at)s, %(entry)s #>> '{cause,request_id}', actor(%(entry)s),
    %(entry)s #>> '{cause,access_key_id}', %(entry)s #>> '{cause,session_id}',
    'trust_policy', %(entry)s #>> '{event,role_id}', %(entry)s #>> '{event,role_id}',
    %(entry)s #>> '{event,role_name}',
    encode(sha256(convert_to(%(entry)s #>> '{event,trust_policy}', 'UTF8')), 'hex'))

-- name: iam.policy.created.v1
insert into births (account_id, position, at, request_id, by_arn, by_access_key_id, by_session_id,
    kind, subject_id, owner_id, name, arn, version, sha256)
values (%(account_id)s, %(position)s, %(at)s, %(entry)s #>> '{cause,request_id}', actor(%(entry)s),
    %(entry)s #>> '{cause,access_key_id}', %(entry)s #>> '{cause,session_id}',
    'policy', %(entry)s #>> '{event,policy_arn}', %(entry)s #>> '{event,policy_arn}',
    %(entry)s #>> '{event,policy_name}',
    %(entry)s #>> '{event,policy_arn}', 'v1', encode(sha256(convert_to(%(entry)s #>> '{event,document}', 'UTF8')),
        'hex'))

-- name: iam.policy.deleted.v1
-- With its versions.
update births set ended_as = 'deleted', ended_position = %(position)s, ended_at = %(at)s,
    ended_by = actor(%(entry)s)
where account_id = %(account_id)s and ended_position is null and position < %(position)s
    and owner_id = %(entry)s #>> '{event,policy_arn}'

-- name: iam.policy.version_created.v1
-- A version is suspended while another one is the default.
with chosen as (
    select %(entry)s #>> '{event,policy_arn}' as policy_arn,
        (%(entry)s #>> '{event,is_default}')::boolean as is_default
), former as (
    update births set ended_as = 'replaced', ended_position = %(position)s, ended_at = %(at)s,
        ended_by = actor(%(entry)s)
    where account_id = %(account_id)s and ended_position is null and position < %(position)s
        and kind = 'policy_default' and owner_id = (select policy_arn from chosen where is_default)
), suspended as (
    insert into suspensions (account_id, valid_from, valid_from_at, opened_by, born_position)
    select %(account_id)s, %(position)s, %(at)s, actor(%(entry)s), version.position
    from births as version join chosen on version.owner_id = policy_arn and is_default
    where version.account_id = %(account_id)s and version.kind = 'policy_version' and version.ended_position is null
        and not exists (
            select from suspensions as open where open.account_id = version.account_id
                and open.born_position = version.position and open.valid_to is null
        )
    union all
    select %(account_id)s, %(position)s, %(at)s, actor(%(entry)s), %(position)s from chosen where not is_default
)
insert into births (account_id, position, at, request_id, by_arn, by_access_key_id, by_session_id,
    kind, subject_id, owner_id, name, arn, version, sha256)
values (%(account_id)s, %(position)s, %(at)s, %(entry)s #>> '{cause,request_id}', actor(%(entry)s),
    %(entry)s #>> '{cause,access_key_id}', %(entry)s #>> '{cause,session_id}',
    'policy_version', %(entry)s #>> '{event,policy_arn}', %(entry)s #>> '{event,policy_arn}',
    regexp_replace(%(entry)s #>> '{event,policy_arn}', '.*/', ''),
    %(entry)s #>> '{event,policy_arn}', 'v' || (%(entry)s #>> '{event,version}'),
        encode(sha256(convert_to(%(entry)s #>> '{event,document}', 'UTF8')), 'hex'))

-- name: iam.policy.default_version_set.v1
with former as (
    update births set ended_as = 'replaced', ended_position = %(position)s, ended_at = %(at)s,
        ended_by = actor(%(entry)s)
    where account_id = %(account_id)s and ended_position is null and position < %(position)s
        and kind = 'policy_default' and owner_id = %(entry)s #>> '{event,policy_arn}'
), versions as (
    select version.position, version.version = 'v' || (%(entry)s #>> '{event,version}') as is_default, exists (
        select from suspensions as open where open.account_id = version.account_id
            and open.born_position = version.position and open.valid_to is null
    ) as is_suspended
    from births as version
    where version.account_id = %(account_id)s and version.kind = 'policy_version' and version.ended_position is null
        and version.owner_id = %(entry)s #>> '{event,policy_arn}'
), resumed as (
    update suspensions as open set valid_to = %(position)s, valid_to_at = %(at)s, closed_by = actor(%(entry)s)
    from versions
    where open.account_id = %(account_id)s and open.born_position = versions.position and open.valid_to is null
        and versions.is_default
), suspended as (
    insert into suspensions (account_id, valid_from, valid_from_at, opened_by, born_position)
    select %(account_id)s, %(position)s, %(at)s, actor(%(entry)s), position
    from versions where not is_default and not is_suspended
)
insert into births (account_id, position, at, request_id, by_arn, by_access_key_id, by_session_id,
    kind, subject_id, owner_id, name, arn, version)
values (%(account_id)s, %(position)s, %(at)s, %(entry)s #>> '{cause,request_id}', actor(%(entry)s),
    %(entry)s #>> '{cause,access_key_id}', %(entry)s #>> '{cause,session_id}',
    'policy_default', %(entry)s #>> '{event,policy_arn}', %(entry)s #>> '{event,policy_arn}',
    regexp_replace(%(entry)s #>> '{event,policy_arn}', '.*/', ''),
    %(entry)s #>> '{event,policy_arn}', 'v' || (%(entry)s #>> '{event,version}'))

-- name: iam.policy.version_deleted.v1
update births set ended_as = 'deleted', ended_position = %(position)s, ended_at = %(at)s,
    ended_by = actor(%(entry)s)
where account_id = %(account_id)s and ended_position is null and position < %(position)s
    and kind = 'policy_version' and owner_id = %(entry)s #>> '{event,policy_arn}'
    and version = 'v' || (%(entry)s #>> '{event,version}')

-- name: iam.inline_policy.put.v1
with former as (
    update births set ended_as = 'replaced', ended_position = %(position)s, ended_at = %(at)s,
        ended_by = actor(%(entry)s)
    where account_id = %(account_id)s and ended_position is null and position < %(position)s
        and kind in ('inline_policy', 'inline_policy_removed') and owner_id = %(entry)s #>> '{event,entity_id}'
            and subject_id = %(entry)s #>> '{event,policy_name}'
)
insert into births (account_id, position, at, request_id, by_arn, by_access_key_id, by_session_id,
    kind, subject_id, owner_id, name, sha256)
values (%(account_id)s, %(position)s, %(at)s, %(entry)s #>> '{cause,request_id}', actor(%(entry)s),
    %(entry)s #>> '{cause,access_key_id}', %(entry)s #>> '{cause,session_id}',
    'inline_policy', %(entry)s #>> '{event,policy_name}', %(entry)s #>> '{event,entity_id}',
    %(entry)s #>> '{event,entity_name}',
    encode(sha256(convert_to(%(entry)s #>> '{event,document}', 'UTF8')), 'hex'))

-- name: iam.inline_policy.deleted.v1
with former as (
    update births set ended_as = 'removed', ended_position = %(position)s, ended_at = %(at)s,
        ended_by = actor(%(entry)s)
    where account_id = %(account_id)s and ended_position is null and position < %(position)s
        and kind in ('inline_policy', 'inline_policy_removed') and owner_id = %(entry)s #>> '{event,entity_id}'
            and subject_id = %(entry)s #>> '{event,policy_name}'
)
insert into births (account_id, position, at, request_id, by_arn, by_access_key_id, by_session_id,
    kind, subject_id, owner_id, name)
values (%(account_id)s, %(position)s, %(at)s, %(entry)s #>> '{cause,request_id}', actor(%(entry)s),
    %(entry)s #>> '{cause,access_key_id}', %(entry)s #>> '{cause,session_id}',
    'inline_policy_removed', %(entry)s #>> '{event,policy_name}', %(entry)s #>> '{event,entity_id}',
    %(entry)s #>> '{event,entity_name}')

-- name: iam.policy.attached.v1
with former as (
    update births set ended_as = 'replaced', ended_position = %(position)s, ended_at = %(at)s,
        ended_by = actor(%(entry)s)
    where account_id = %(account_id)s and ended_position is null and position < %(position)s
        and kind in ('attachment', 'detachment') and owner_id = %(entry)s #>> '{event,entity_id}'
            and subject_id = %(entry)s #>> '{event,policy_arn}'
)
insert into births (account_id, position, at, request_id, by_arn, by_access_key_id, by_session_id,
    kind, subject_id, owner_id, name)
values (%(account_id)s, %(position)s, %(at)s, %(entry)s #>> '{cause,request_id}', actor(%(entry)s),
    %(entry)s #>> '{cause,access_key_id}', %(entry)s #>> '{cause,session_id}',
    'attachment', %(entry)s #>> '{event,policy_arn}', %(entry)s #>> '{event,entity_id}',
    %(entry)s #>> '{event,entity_name}')

-- name: iam.policy.detached.v1
with former as (
    update births set ended_as = 'removed', ended_position = %(position)s, ended_at = %(at)s,
        ended_by = actor(%(entry)s)
    where account_id = %(account_id)s and ended_position is null and position < %(position)s
        and kind in ('attachment', 'detachment') and owner_id = %(entry)s #>> '{event,entity_id}'
            and subject_id = %(entry)s #>> '{event,policy_arn}'
)
insert into births (account_id, position, at, request_id, by_arn, by_access_key_id, by_session_id,
    kind, subject_id, owner_id, name)
values (%(account_id)s, %(position)s, %(at)s, %(entry)s #>> '{cause,request_id}', actor(%(entry)s),
    %(entry)s #>> '{cause,access_key_id}', %(entry)s #>> '{cause,session_id}',
    'detachment', %(entry)s #>> '{event,policy_arn}', %(entry)s #>> '{event,entity_id}',
    %(entry)s #>> '{event,entity_name}')

-- name: iam.group.user_added.v1
with former as (
    update births set ended_as = 'replaced', ended_position = %(position)s, ended_at = %(at)s,
        ended_by = actor(%(entry)s)
    where account_id = %(account_id)s and ended_position is null and position < %(position)s
        and kind in ('membership', 'membership_removed') and owner_id = %(entry)s #>> '{event,user_id}'
            and subject_id = %(entry)s #>> '{event,group_id}'
)
insert into births (account_id, position, at, request_id, by_arn, by_access_key_id, by_session_id,
    kind, subject_id, owner_id, name)
values (%(account_id)s, %(position)s, %(at)s, %(entry)s #>> '{cause,request_id}', actor(%(entry)s),
    %(entry)s #>> '{cause,access_key_id}', %(entry)s #>> '{cause,session_id}',
    'membership', %(entry)s #>> '{event,group_id}', %(entry)s #>> '{event,user_id}',
    %(entry)s #>> '{event,user_name}')

-- name: iam.group.user_removed.v1
with former as (
    update births set ended_as = 'removed', ended_position = %(position)s, ended_at = %(at)s,
        ended_by = actor(%(entry)s)
    where account_id = %(account_id)s and ended_position is null and position < %(position)s
        and kind in ('membership', 'membership_removed') and owner_id = %(entry)s #>> '{event,user_id}'
            and subject_id = %(entry)s #>> '{event,group_id}'
)
insert into births (account_id, position, at, request_id, by_arn, by_access_key_id, by_session_id,
    kind, subject_id, owner_id, name)
values (%(account_id)s, %(position)s, %(at)s, %(entry)s #>> '{cause,request_id}', actor(%(entry)s),
    %(entry)s #>> '{cause,access_key_id}', %(entry)s #>> '{cause,session_id}',
    'membership_removed', %(entry)s #>> '{event,group_id}', %(entry)s #>> '{event,user_id}',
    %(entry)s #>> '{event,user_name}')

-- name: iam.permissions_boundary.put.v1
with former as (
    update births set ended_as = 'replaced', ended_position = %(position)s, ended_at = %(at)s,
        ended_by = actor(%(entry)s)
    where account_id = %(account_id)s and ended_position is null and position < %(position)s
        and kind in ('boundary', 'boundary_removed') and owner_id = %(entry)s #>> '{event,entity_id}'
)
insert into births (account_id, position, at, request_id, by_arn, by_access_key_id, by_session_id,
    kind, subject_id, owner_id, name, arn)
values (%(account_id)s, %(position)s, %(at)s, %(entry)s #>> '{cause,request_id}', actor(%(entry)s),
    %(entry)s #>> '{cause,access_key_id}', %(entry)s #>> '{cause,session_id}',
    'boundary', %(entry)s #>> '{event,entity_id}', %(entry)s #>> '{event,entity_id}',
    %(entry)s #>> '{event,entity_name}', %(entry)s #>> '{event,policy_arn}')

-- name: iam.permissions_boundary.deleted.v1
with former as (
    update births set ended_as = 'removed', ended_position = %(position)s, ended_at = %(at)s,
        ended_by = actor(%(entry)s)
    where account_id = %(account_id)s and ended_position is null and position < %(position)s
        and kind in ('boundary', 'boundary_removed') and owner_id = %(entry)s #>> '{event,entity_id}'
)
insert into births (account_id, position, at, request_id, by_arn, by_access_key_id, by_session_id,
    kind, subject_id, owner_id, name, arn)
values (%(account_id)s, %(position)s, %(at)s, %(entry)s #>> '{cause,request_id}', actor(%(entry)s),
    %(entry)s #>> '{cause,access_key_id}', %(entry)s #>> '{cause,session_id}',
    'boundary_removed', %(entry)s #>> '{event,entity_id}', %(entry)s #>> '{event,entity_id}',
    %(entry)s #>> '{event,entity_name}', %(entry)s #>> '{event,policy_arn}')

-- name: iam.login_profile.created.v1
insert into births (account_id, position, at, request_id, by_arn, by_access_key_id, by_session_id,
    kind, subject_id, owner_id, name)
values (%(account_id)s, %(position)s, %(at)s, %(entry)s #>> '{cause,request_id}', actor(%(entry)s),
    %(entry)s #>> '{cause,access_key_id}', %(entry)s #>> '{cause,session_id}',
    'password', %(entry)s #>> '{event,user_id}', %(entry)s #>> '{event,user_id}', %(entry)s #>> '{event,user_name}')

-- name: iam.login_profile.updated.v1
-- Without an id of a password it is the same one as before.
with another as (
    select where %(entry)s #>> '{event,password_id}' is not null
), former as (
    update births set ended_as = 'replaced', ended_position = %(position)s, ended_at = %(at)s,
        ended_by = actor(%(entry)s)
    where account_id = %(account_id)s and ended_position is null and position < %(position)s
        and kind = 'password' and owner_id = %(entry)s #>> '{event,user_id}' and exists (select from another)
)
insert into births (account_id, position, at, request_id, by_arn, by_access_key_id, by_session_id,
    kind, subject_id, owner_id, name)
select %(account_id)s, %(position)s, %(at)s, %(entry)s #>> '{cause,request_id}', actor(%(entry)s),
    %(entry)s #>> '{cause,access_key_id}', %(entry)s #>> '{cause,session_id}',
    'password', %(entry)s #>> '{event,user_id}', %(entry)s #>> '{event,user_id}', %(entry)s #>> '{event,user_name}'
from another

-- name: iam.password.changed.v1
with former as (
    update births set ended_as = 'replaced', ended_position = %(position)s, ended_at = %(at)s,
        ended_by = actor(%(entry)s)
    where account_id = %(account_id)s and ended_position is null and position < %(position)s
        and kind = 'password' and owner_id = %(entry)s #>> '{event,user_id}'
)
insert into births (account_id, position, at, request_id, by_arn, by_access_key_id, by_session_id,
    kind, subject_id, owner_id, name)
values (%(account_id)s, %(position)s, %(at)s, %(entry)s #>> '{cause,request_id}', actor(%(entry)s),
    %(entry)s #>> '{cause,access_key_id}', %(entry)s #>> '{cause,session_id}',
    'password', %(entry)s #>> '{event,user_id}', %(entry)s #>> '{event,user_id}', %(entry)s #>> '{event,user_name}')

-- name: iam.login_profile.deleted.v1
update births set ended_as = 'removed', ended_position = %(position)s, ended_at = %(at)s,
    ended_by = actor(%(entry)s)
where account_id = %(account_id)s and ended_position is null and position < %(position)s
    and kind = 'password' and owner_id = %(entry)s #>> '{event,user_id}'

-- name: sts.session.issued.v1
-- In the ledger of the account whose session it is; who asked for it may be of another.
with issued as materialized (
    select position, at, convert_from(state, 'UTF8')::jsonb as entry from ledger.uses
    where account_id = %(account_id)s and position > %(after)s and position <= %(to)s
        and topic = 'sts.session.issued.v1'
)
insert into births (account_id, position, at, request_id, by_arn, by_access_key_id, by_session_id,
    kind, subject_id, owner_id, name, arn, access_key_id, expires_at)
select %(account_id)s, position, at, entry #>> '{cause,request_id}', actor(entry),
    session ->> 'minted_by_access_key_id', session ->> 'minted_by_session_id',
    'session', session ->> 'session_id', session ->> 'entity_id',
    coalesce(session #>> '{principal,issuer,user_name}', session #>> '{principal,user_name}', 'root'),
    session #>> '{principal,arn}', session ->> 'access_key_id', (session ->> 'expires_at')::timestamptz
from issued cross join lateral (select entry #> '{event,session}' as session) as part

-- name: sts.session.revoked.v1
update births set ended_as = 'revoked', ended_position = %(position)s, ended_at = %(at)s,
    ended_by = actor(%(entry)s)
where account_id = %(account_id)s and ended_position is null and position < %(position)s
    and kind = 'session' and subject_id = %(entry)s #>> '{event,session_id}'
