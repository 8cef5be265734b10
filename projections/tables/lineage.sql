-- What every credential gave birth to: sessions, keys, users, roles, and each change that can let somebody in again.
-- A birth is found by the access key that signed for it, in whatever account's ledger it stands: no two keys of an
-- installation have the same id, and that of a session is its session's own.

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
        'attachment', 'detachment', 'membership', 'membership_removed', 'password', 'boundary', 'boundary_removed',
        'tags', 'user_rename', 'group_rename', 'instance_profile', 'profile_role', 'profile_role_removed',
        'ssh_public_key', 'signing_certificate', 'service_specific_credential', 'service_specific_credential_reset',
        'credential_activation', 'server_certificate', 'server_certificate_rename', 'oidc_provider',
        'oidc_provider_changed', 'oidc_provider_removed', 'saml_provider', 'saml_provider_changed',
        'saml_provider_removed', 'saml_private_key', 'saml_private_key_removed', 'mfa_enabled', 'mfa_deactivated',
        'password_policy', 'organizations_feature', 'organizations_feature_disabled', 'role_updated', 'lifecycle_profile',
        'exemption', 'exemption_revoked', 'notification_target', 'notification_target_removed', 'analyzer',
        'contact_information', 'alternate_contact', 'compliance_framework')),
    -- The unique id, key id, session id or ARN of what was born; of what is tied to its owner, the other end.
    subject_id text not null,
    -- Whose it is, and with whom it ends: a user, group, role or policy, or the account for root's.
    owner_id text not null,
    -- As the owner, or whatever was born itself, was called then.
    name text not null,
    arn text,
    -- Of sessions and keys: what signs for what they give birth to; of an activation, until it ends.
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
create index births_by_owner on births (account_id, owner_id, kind);
create index births_by_subject on births (account_id, subject_id);
-- For what an event ends: among all that had ended before, and sessions that have run out, it would be looked for long.
create index births_open_by_owner on births (account_id, owner_id, kind) where ended_position is null;
create index births_open_by_subject on births (account_id, subject_id) where ended_position is null;
-- Sessions of federated users, by what they are called: their owner is whoever has vouched for them.
create index births_by_federated_user on births (account_id, split_part(arn, ':', 6))
    where kind = 'session' and arn like '%:federated-user/%';
create index births_by_time on births (at);
create index births_by_request on births (request_id);

-- While a key is inactive, and while a version of a policy is not its default.
create table suspensions (
    like intervals,
    born_position bigint not null,
    primary key (account_id, valid_from, born_position)
);
create unique index suspensions_open on suspensions (account_id, born_position) where valid_to is null;
create index suspensions_by_birth on suspensions (account_id, born_position, valid_from, valid_to);

-- name: functions
-- Enters what an event has created, changed or removed: `subject`, `owner` and `name` are fields of the event. What
-- else a node has, its kind tells.
create or replace function enter_node(in_account text, at_position bigint, at_time timestamptz, entry jsonb,
    node_kind text, subject text, owner text, name text) returns void language plpgsql as $$
declare
    event jsonb := entry -> 'event';
    text_field text := case when node_kind in ('role', 'trust_policy') then 'trust_policy'
        when node_kind in ('policy', 'policy_version', 'inline_policy') then 'document' end;
begin
    insert into births (account_id, position, at, request_id, by_arn, by_access_key_id, by_session_id,
        kind, subject_id, owner_id, name, arn, access_key_id, version, sha256)
    values (in_account, at_position, at_time, entry #>> '{cause,request_id}', actor(entry),
        entry #>> '{cause,access_key_id}', entry #>> '{cause,session_id}',
        node_kind, event ->> subject, event ->> owner,
        case when node_kind in ('policy_version', 'policy_default')
            then regexp_replace(event ->> 'policy_arn', '.*/', '') else event ->> name end,
        case
            when node_kind in ('user', 'group', 'role', 'instance_profile', 'server_certificate') then 'arn:' || (
                select split_part(root.arn, ':', 2) from births as root
                where root.account_id = in_account and root.position = 1
            ) || ':iam::' || in_account || ':' || replace(node_kind, '_', '-') || (event ->> 'path') || (event ->> name)
            when node_kind in ('policy', 'policy_version', 'policy_default', 'boundary', 'boundary_removed')
                then event ->> 'policy_arn'
            else event ->> 'provider_arn'
        end,
        case when node_kind in ('access_key', 'activation') then event ->> 'access_key_id' end,
        case when node_kind = 'policy' then 'v1'
            when node_kind in ('policy_version', 'policy_default') then 'v' || (event ->> 'version') end,
        encode(sha256(convert_to(event ->> text_field, 'UTF8')), 'hex'));
end $$;

-- Ends what belongs to the owner: all of it, or that of these kinds and, if they are given, of this subject and version;
-- again, `owner` and `subject` are fields of the event. A session that is over by then has ended already.
create or replace function end_owned(in_account text, at_position bigint, at_time timestamptz, entry jsonb,
    how text, owner text, kinds text[] default null, subject text default null, of_version text default null)
returns void language plpgsql as $$
begin
    if kinds is null then
        update births set ended_as = how, ended_position = at_position, ended_at = at_time, ended_by = actor(entry)
        where account_id = in_account and ended_position is null and position < at_position
            and owner_id = entry #>> array['event', owner] and (expires_at is null or expires_at > at_time);
        return;
    end if;
    update births set ended_as = how, ended_position = at_position, ended_at = at_time, ended_by = actor(entry)
    where account_id = in_account and ended_position is null and position < at_position
        and owner_id = entry #>> array['event', owner] and (expires_at is null or expires_at > at_time)
        and kind = any(kinds) and (of_version is null or version = of_version)
        and (subject is null or subject_id = entry #>> array['event', subject]);
end $$;

-- Ends what is so called itself, whoever it belongs to.
create or replace function end_subject(in_account text, at_position bigint, at_time timestamptz, entry jsonb,
    how text, subject text, kinds text[] default null) returns void language plpgsql as $$
begin
    update births set ended_as = how, ended_position = at_position, ended_at = at_time, ended_by = actor(entry)
    where account_id = in_account and ended_position is null and position < at_position
        and subject_id = entry #>> array['event', subject] and (kinds is null or kind = any(kinds));
end $$;

-- Enters a setting of the account itself, in the place of former nodes of these kinds.
create or replace function enter_of_account(in_account text, at_position bigint, at_time timestamptz, entry jsonb,
    node_kind text, subject text, kinds text[]) returns void language plpgsql as $$
declare
    of_account jsonb := jsonb_set(entry, '{event,account_id}', to_jsonb(in_account));
begin
    perform end_subject(in_account, at_position, at_time, of_account, 'replaced', subject, kinds);
    perform enter_node(in_account, at_position, at_time, of_account, node_kind, subject, 'account_id', subject);
end $$;

-- Suspends the node of a position, unless it is suspended already; and ends that.
create or replace function suspend(in_account text, at_position bigint, at_time timestamptz, entry jsonb, node bigint)
returns boolean language plpgsql as $$
begin
    insert into suspensions (account_id, valid_from, valid_from_at, opened_by, born_position)
    select in_account, at_position, at_time, actor(entry), node
    where not exists (
        select from suspensions where account_id = in_account and born_position = node and valid_to is null
    );
    return found;
end $$;

create or replace function resume(in_account text, at_position bigint, at_time timestamptz, entry jsonb, node bigint)
returns boolean language plpgsql as $$
begin
    update suspensions set valid_to = at_position, valid_to_at = at_time, closed_by = actor(entry)
    where account_id = in_account and born_position = node and valid_to is null;
    return found;
end $$;

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
select enter_node(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'user', 'user_id', 'user_id', 'user_name')

-- name: iam.user.deleted.v1
-- With its keys, and with its sessions that are not over.
select end_owned(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'deleted', 'user_id')

-- name: iam.group.created.v1
select enter_node(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'group', 'group_id', 'group_id', 'group_name')

-- name: iam.group.deleted.v1
select end_owned(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'deleted', 'group_id'),
    end_subject(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'deleted', 'group_id')

-- name: iam.role.created.v1
select enter_node(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'role', 'role_id', 'role_id', 'role_name')

-- name: iam.role.deleted.v1
-- With its sessions that are not over.
select end_owned(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'deleted', 'role_id')

-- name: iam.access_key.created.v1
select enter_node(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'access_key', 'access_key_id', 'user_id',
    'user_name')

-- name: iam.access_key.deleted.v1
select end_subject(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'deleted', 'access_key_id',
    '{access_key,activation}')

-- name: iam.access_key.deactivated.v1
with former as materialized (
    select end_subject(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'replaced', 'access_key_id', '{activation}')
)
select (select count(*) from former), suspend(%(account_id)s, %(position)s, %(at)s, %(entry)s, key.position)
from births as key
where key.account_id = %(account_id)s and key.kind = 'access_key' and key.ended_position is null
    and key.subject_id = %(entry)s #>> '{event,access_key_id}'

-- name: iam.access_key.activated.v1
with former as materialized (
    select resume(%(account_id)s, %(position)s, %(at)s, %(entry)s, key.position)
    from births as key
    where key.account_id = %(account_id)s and key.kind = 'access_key' and key.ended_position is null
        and key.subject_id = %(entry)s #>> '{event,access_key_id}'
)
select (select count(*) from former),
    enter_node(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'activation', 'access_key_id', 'user_id', 'user_name')

-- name: iam.ssh_public_key.uploaded.v1
select enter_node(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'ssh_public_key', 'credential_id', 'user_id',
    'user_name')

-- name: iam.signing_certificate.uploaded.v1
select enter_node(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'signing_certificate', 'credential_id', 'user_id',
    'user_name')

-- name: iam.service_specific_credential.created.v1
select enter_node(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'service_specific_credential', 'credential_id',
    'user_id', 'user_name')

-- name: iam.service_specific_credential.reset.v1
-- Whoever knew the former password does not know this one. It is active when the former was.
with former as materialized (
    select suspended.born_position is not null as is_suspended
    from births as credential left join lateral (
        select born_position from suspensions
        where account_id = credential.account_id and born_position = credential.position and valid_to is null limit 1
    ) as suspended on true
    where credential.account_id = %(account_id)s and credential.ended_position is null
        and credential.subject_id = %(entry)s #>> '{event,credential_id}' and credential.kind <> 'credential_activation'
), ended as materialized (
    select end_subject(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'replaced', 'credential_id'),
        (select count(*) from former)
), suspended as materialized (
    select suspend(%(account_id)s, %(position)s, %(at)s, %(entry)s, %(position)s) from former where is_suspended
)
select (select count(*) from ended), (select count(*) from suspended),
    enter_node(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'service_specific_credential_reset', 'credential_id',
        'user_id', 'user_name')

-- name: iam.user_credential.deleted.v1
select end_subject(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'deleted', 'credential_id')

-- name: iam.user_credential.deactivated.v1
with former as materialized (
    select end_subject(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'replaced', 'credential_id',
        '{credential_activation}')
)
select (select count(*) from former), suspend(%(account_id)s, %(position)s, %(at)s, %(entry)s, credential.position)
from births as credential
where credential.account_id = %(account_id)s and credential.ended_position is null
    and credential.subject_id = %(entry)s #>> '{event,credential_id}' and credential.kind <> 'credential_activation'

-- name: iam.user_credential.activated.v1
with former as materialized (
    select resume(%(account_id)s, %(position)s, %(at)s, %(entry)s, credential.position)
    from births as credential
    where credential.account_id = %(account_id)s and credential.ended_position is null
        and credential.subject_id = %(entry)s #>> '{event,credential_id}'
)
select (select count(*) from former),
    enter_node(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'credential_activation', 'credential_id', 'user_id',
        'user_name')

-- name: iam.server_certificate.uploaded.v1
select enter_node(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'server_certificate', 'server_certificate_id',
    'server_certificate_id', 'server_certificate_name')

-- name: iam.server_certificate.updated.v1
select enter_node(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'server_certificate_rename',
    'server_certificate_id', 'server_certificate_id', 'server_certificate_name')

-- name: iam.server_certificate.deleted.v1
select end_owned(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'deleted', 'server_certificate_id')

-- name: iam.role.trust_policy_replaced.v1
select end_owned(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'replaced', 'role_id', '{trust_policy}'),
    enter_node(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'trust_policy', 'role_id', 'role_id', 'role_name')

-- name: iam.role.updated.v1
select enter_node(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'role_updated', 'role_id', 'role_id', 'role_name')

-- name: iam.account.password_policy.updated.v1
-- name: iam.account.password_policy.deleted.v1
select enter_of_account(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'password_policy', 'account_id',
    '{password_policy}')

-- name: account.lifecycle_profile.set.v1
-- name: account.lifecycle_profile.removed.v1
select enter_of_account(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'lifecycle_profile', 'account_id',
    '{lifecycle_profile}')

-- name: account.contact_information.set.v1
-- name: account.contact_information.removed.v1
select enter_of_account(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'contact_information', 'account_id',
    '{contact_information}')

-- name: account.alternate_contact.set.v1
-- name: account.alternate_contact.removed.v1
select enter_of_account(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'alternate_contact', 'contact_type',
    '{alternate_contact}')

-- name: account.compliance_framework.adopted.v1
-- name: account.compliance_framework.dropped.v1
select enter_of_account(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'compliance_framework', 'framework_name',
    '{compliance_framework}')

-- name: account.exemption.granted.v1
with former as materialized (
    select end_subject(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'replaced', 'exemption_id',
        '{exemption_revoked}')
)
select (select count(*) from former),
    enter_node(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'exemption', 'exemption_id', 'owner_id', 'owner_name')

-- name: account.exemption.revoked.v1
with former as materialized (
    select end_subject(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'removed', 'exemption_id', '{exemption}')
)
select (select count(*) from former), enter_node(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'exemption_revoked',
    'exemption_id', 'owner_id', 'owner_name')

-- name: account.exemption.expired.v1
select end_subject(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'removed', 'exemption_id',
    '{exemption,exemption_revoked}')

-- name: access_analyzer.analyzer.created.v1
-- name: access_analyzer.analyzer.updated.v1
-- name: access_analyzer.analyzer.deleted.v1
-- name: access_analyzer.analyzer.tagged.v1
-- name: access_analyzer.analyzer.untagged.v1
-- name: access_analyzer.archive_rule.created.v1
-- name: access_analyzer.archive_rule.updated.v1
-- name: access_analyzer.archive_rule.applied.v1
-- name: access_analyzer.archive_rule.deleted.v1
-- name: access_analyzer.findings.updated.v1
select enter_of_account(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'analyzer', 'analyzer_arn', '{analyzer}')

-- name: notification_target.added.v1
select enter_of_account(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'notification_target', 'target_name',
    '{notification_target,notification_target_removed}')

-- name: notification_target.removed.v1
select enter_of_account(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'notification_target_removed', 'target_name',
    '{notification_target,notification_target_removed}')

-- name: iam.organizations_feature.enabled.v1
select enter_of_account(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'organizations_feature', 'feature',
    '{organizations_feature,organizations_feature_disabled}')

-- name: iam.organizations_feature.disabled.v1
select enter_of_account(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'organizations_feature_disabled', 'feature',
    '{organizations_feature,organizations_feature_disabled}')

-- name: iam.policy.created.v1
select enter_node(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'policy', 'policy_arn', 'policy_arn', 'policy_name')

-- name: iam.policy.deleted.v1
-- With its versions.
select end_owned(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'deleted', 'policy_arn')

-- name: iam.policy.version_created.v1
-- A version is suspended while another one is the default.
with chosen as (
    select (%(entry)s #>> '{event,is_default}')::boolean as is_default
), former as materialized (
    select end_owned(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'replaced', 'policy_arn', '{policy_default}')
    from chosen where is_default
), suspended as materialized (
    select suspend(%(account_id)s, %(position)s, %(at)s, %(entry)s, version.position)
    from births as version
    where version.account_id = %(account_id)s and version.kind = 'policy_version' and version.ended_position is null
        and version.owner_id = %(entry)s #>> '{event,policy_arn}'
        and (select is_default from chosen)
    union all
    select suspend(%(account_id)s, %(position)s, %(at)s, %(entry)s, %(position)s) from chosen where not is_default
)
select (select count(*) from former), (select count(*) from suspended),
    enter_node(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'policy_version', 'policy_arn', 'policy_arn',
        'policy_arn')

-- name: iam.policy.default_version_set.v1
with versions as materialized (
    select case when version.version = 'v' || (%(entry)s #>> '{event,version}')
        then resume(%(account_id)s, %(position)s, %(at)s, %(entry)s, version.position)
        else suspend(%(account_id)s, %(position)s, %(at)s, %(entry)s, version.position) end
    from births as version
    where version.account_id = %(account_id)s and version.kind = 'policy_version' and version.ended_position is null
        and version.owner_id = %(entry)s #>> '{event,policy_arn}'
)
select (select count(*) from versions),
    end_owned(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'replaced', 'policy_arn', '{policy_default}'),
    enter_node(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'policy_default', 'policy_arn', 'policy_arn',
        'policy_arn')

-- name: iam.policy.version_deleted.v1
select end_owned(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'deleted', 'policy_arn', '{policy_version}',
    of_version => 'v' || (%(entry)s #>> '{event,version}'))

-- name: iam.inline_policy.put.v1
select end_owned(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'replaced', 'entity_id',
    '{inline_policy,inline_policy_removed}', 'policy_name'),
    enter_node(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'inline_policy', 'policy_name', 'entity_id',
        'entity_name')

-- name: iam.inline_policy.deleted.v1
select end_owned(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'removed', 'entity_id',
    '{inline_policy,inline_policy_removed}', 'policy_name'),
    enter_node(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'inline_policy_removed', 'policy_name', 'entity_id',
        'entity_name')

-- name: iam.policy.attached.v1
select end_owned(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'replaced', 'entity_id', '{attachment,detachment}',
    'policy_arn'),
    enter_node(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'attachment', 'policy_arn', 'entity_id', 'entity_name')

-- name: iam.policy.detached.v1
select end_owned(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'removed', 'entity_id', '{attachment,detachment}',
    'policy_arn'),
    enter_node(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'detachment', 'policy_arn', 'entity_id', 'entity_name')

-- name: iam.group.user_added.v1
select end_owned(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'replaced', 'user_id',
    '{membership,membership_removed}', 'group_id'),
    enter_node(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'membership', 'group_id', 'user_id', 'user_name')

-- name: iam.group.user_removed.v1
select end_owned(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'removed', 'user_id',
    '{membership,membership_removed}', 'group_id'),
    enter_node(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'membership_removed', 'group_id', 'user_id',
        'user_name')

-- name: iam.instance_profile.created.v1
select enter_node(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'instance_profile', 'instance_profile_id',
    'instance_profile_id', 'instance_profile_name')

-- name: iam.instance_profile.deleted.v1
select end_owned(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'deleted', 'instance_profile_id')

-- name: iam.instance_profile.role_added.v1
select end_owned(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'replaced', 'instance_profile_id',
    '{profile_role,profile_role_removed}', 'role_id'),
    enter_node(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'profile_role', 'role_id', 'instance_profile_id',
        'instance_profile_name')

-- name: iam.instance_profile.role_removed.v1
select end_owned(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'removed', 'instance_profile_id',
    '{profile_role,profile_role_removed}', 'role_id'),
    enter_node(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'profile_role_removed', 'role_id',
        'instance_profile_id', 'instance_profile_name')

-- name: iam.permissions_boundary.put.v1
select end_owned(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'replaced', 'entity_id',
    '{boundary,boundary_removed}'),
    enter_node(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'boundary', 'entity_id', 'entity_id', 'entity_name')

-- name: iam.permissions_boundary.deleted.v1
select end_owned(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'removed', 'entity_id',
    '{boundary,boundary_removed}'),
    enter_node(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'boundary_removed', 'entity_id', 'entity_id',
        'entity_name')

-- name: iam.entity.tagged.v1
-- name: iam.entity.untagged.v1
select enter_node(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'tags', 'entity_id', 'entity_id', 'entity_name')

-- name: iam.user.updated.v1
select enter_node(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'user_rename', 'user_id', 'user_id', 'user_name')

-- name: iam.group.updated.v1
select enter_node(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'group_rename', 'group_id', 'group_id', 'group_name')

-- name: iam.oidc_provider.created.v1
select end_owned(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'replaced', 'provider_arn',
    '{oidc_provider_removed}'),
    enter_node(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'oidc_provider', 'provider_arn', 'provider_arn',
        'provider_name')

-- name: iam.oidc_provider.client_id_added.v1
-- name: iam.oidc_provider.client_id_removed.v1
-- name: iam.oidc_provider.thumbprints_replaced.v1
select enter_node(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'oidc_provider_changed', 'provider_arn',
    'provider_arn', 'provider_name')

-- name: iam.oidc_provider.deleted.v1
select end_owned(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'deleted', 'provider_arn'),
    enter_node(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'oidc_provider_removed', 'provider_arn', 'provider_arn',
        'provider_name')

-- name: iam.saml_provider.created.v1
select end_owned(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'replaced', 'provider_arn',
    '{saml_provider_removed}'),
    enter_node(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'saml_provider', 'provider_arn', 'provider_arn',
        'provider_name')

-- name: iam.saml_provider.metadata_replaced.v1
-- name: iam.saml_provider.encryption_mode_set.v1
select enter_node(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'saml_provider_changed', 'provider_arn',
    'provider_arn', 'provider_name')

-- name: iam.saml_provider.private_key_added.v1
select enter_node(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'saml_private_key', 'key_id', 'provider_arn',
    'provider_name')

-- name: iam.saml_provider.private_key_removed.v1
select end_owned(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'removed', 'provider_arn', '{saml_private_key}',
    'key_id'),
    enter_node(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'saml_private_key_removed', 'key_id', 'provider_arn',
        'provider_name')

-- name: iam.saml_provider.deleted.v1
select end_owned(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'deleted', 'provider_arn'),
    enter_node(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'saml_provider_removed', 'provider_arn', 'provider_arn',
        'provider_name')

-- name: iam.login_profile.created.v1
-- name: iam.root_login_profile.created.v1
select enter_node(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'password', 'user_id', 'user_id', 'user_name')

-- name: iam.login_profile.updated.v1
-- Without an id of a password it is the same one as before.
select end_owned(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'replaced', 'user_id', '{password}'),
    enter_node(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'password', 'user_id', 'user_id', 'user_name')
where %(entry)s #>> '{event,password_id}' is not null

-- name: iam.password.changed.v1
select end_owned(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'replaced', 'user_id', '{password}'),
    enter_node(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'password', 'user_id', 'user_id', 'user_name')

-- name: iam.login_profile.deleted.v1
-- name: iam.root_login_profile.deleted.v1
select end_owned(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'removed', 'user_id', '{password}')

-- name: iam.mfa_device.enabled.v1
select end_owned(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'replaced', 'user_id',
    '{mfa_enabled,mfa_deactivated}', 'serial_number'),
    enter_node(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'mfa_enabled', 'serial_number', 'user_id', 'user_name')

-- name: iam.mfa_device.deactivated.v1
select end_owned(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'removed', 'user_id',
    '{mfa_enabled,mfa_deactivated}', 'serial_number'),
    enter_node(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'mfa_deactivated', 'serial_number', 'user_id',
        'user_name')

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
select end_subject(%(account_id)s, %(position)s, %(at)s, %(entry)s, 'revoked', 'session_id', '{session}')
