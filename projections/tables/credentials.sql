-- Access keys, passwords, MFA devices and users' other credentials, at every position: keys with whose, since when,
-- active or not, and when they were last used; passwords with whose, since when, to be reset or not, and how long the
-- account's policy lets them be; MFA devices with whose and since when; SSH public keys, signing certificates and
-- service-specific credentials with whose, since when, active or not, and until when.

-- name: schema
-- A key exists while its row is open.
create table access_keys (
    like intervals,
    access_key_id text not null,
    user_id text not null,
    primary key (account_id, valid_from, access_key_id)
);
create unique index access_keys_open on access_keys (account_id, access_key_id) where valid_to is null;
create index access_keys_open_by_user on access_keys (account_id, user_id) where valid_to is null;
create index access_keys_valid on access_keys (account_id, valid_from, valid_to);

create table access_key_statuses (
    like intervals,
    access_key_id text not null,
    status text not null check (status in ('Active', 'Inactive')),
    primary key (account_id, valid_from, access_key_id)
);
create unique index access_key_statuses_open on access_key_statuses (account_id, access_key_id)
    where valid_to is null;
create index access_key_statuses_by_key on access_key_statuses (account_id, access_key_id, valid_from, valid_to);

-- The names that users had. Root has none.
create table key_owners (
    like intervals,
    user_id text not null,
    user_name text not null,
    primary key (account_id, valid_from, user_id)
);
create unique index key_owners_open on key_owners (account_id, user_id) where valid_to is null;
create index key_owners_by_user on key_owners (account_id, user_id, valid_from, valid_to);

create table access_key_uses (
    account_id text not null,
    access_key_id text not null,
    position bigint not null,
    at timestamptz not null,
    service text not null,
    region text not null,
    primary key (account_id, access_key_id, position)
);

-- A user, or root, has a password while a row is open. A row is of one password and of whether it has to be reset: what
-- is older than the row stands in it, with the position, time and actor of the creation and of the last change of
-- password.
create table passwords (
    like intervals,
    user_id text not null,
    created bigint not null,
    created_at timestamptz not null,
    created_by text not null,
    changed bigint not null,
    changed_at timestamptz not null,
    changed_by text not null,
    reset_required boolean not null,
    primary key (account_id, valid_from, user_id)
);
create unique index passwords_open on passwords (account_id, user_id) where valid_to is null;
create index passwords_valid on passwords (account_id, valid_from, valid_to);

-- A row is of one credential and its status: its creation stands in it, which is older than a later status.
create table user_credentials (
    like intervals,
    credential_id text not null,
    kind text not null,
    user_id text not null,
    service_name text,
    expires_at timestamptz,
    created bigint not null,
    created_at timestamptz not null,
    created_by text not null,
    status text not null check (status in ('Active', 'Inactive')),
    primary key (account_id, valid_from, credential_id)
);
create unique index user_credentials_open on user_credentials (account_id, credential_id) where valid_to is null;
create index user_credentials_valid on user_credentials (account_id, valid_from, valid_to);

-- A device is a user's, or root's, while its row is open.
create table mfa_devices (
    like intervals,
    serial_number text not null,
    user_id text not null,
    primary key (account_id, valid_from, serial_number)
);
create unique index mfa_devices_open on mfa_devices (account_id, serial_number) where valid_to is null;
create index mfa_devices_valid on mfa_devices (account_id, valid_from, valid_to);

-- What the account's password policy says about age. No row is open while there is no policy.
create table password_ages (
    like intervals,
    max_days int,
    hard_expiry boolean not null,
    primary key (account_id, valid_from)
);
create unique index password_ages_open on password_ages (account_id) where valid_to is null;

-- What the scheduler has told of a key. Of rotation the last stands; of idleness the last, until the next use.
create table access_key_notices (
    account_id text not null,
    access_key_id text not null,
    position bigint not null,
    notice text not null check (notice in ('warned', 'due', 'overdue', 'idle')),
    primary key (account_id, access_key_id, position)
);

-- name: iam.user.created.v1
insert into key_owners select * from opened(null::key_owners, %(account_id)s, %(position)s, %(at)s, %(entry)s)

-- name: iam.user.updated.v1
insert into key_owners
select new.* from close_interval(null::key_owners, %(account_id)s, %(position)s, %(at)s, %(entry)s, '{user_id}')
    as former
cross join lateral opened(null::key_owners, %(account_id)s, %(position)s, %(at)s, %(entry)s,
    jsonb_build_object('user_name', %(entry)s #> '{event,new_user_name}')) as new

-- name: iam.user.deleted.v1
-- Its keys end with it.
select (select count(*) from close_interval(null::key_owners, %(account_id)s, %(position)s, %(at)s, %(entry)s,
    '{user_id}')), (
    select count(*)
    from close_interval(null::access_keys, %(account_id)s, %(position)s, %(at)s, %(entry)s, '{user_id}') as key
    cross join lateral close_interval(null::access_key_statuses, %(account_id)s, %(position)s, %(at)s, %(entry)s, '{}',
        jsonb_build_object('access_key_id', key.access_key_id)) as status
)

-- name: iam.access_key.created.v1
with status as (
    insert into access_key_statuses select * from opened(null::access_key_statuses, %(account_id)s, %(position)s,
        %(at)s, %(entry)s, '{"status": "Active"}')
)
insert into access_keys select * from opened(null::access_keys, %(account_id)s, %(position)s, %(at)s, %(entry)s)

-- name: iam.access_key.activated.v1
-- What is active already stays so, with its beginning.
insert into access_key_statuses
select new.* from close_interval(null::access_key_statuses, %(account_id)s, %(position)s, %(at)s, %(entry)s,
    '{access_key_id}', '{"status": "Inactive"}') as former
cross join lateral opened(null::access_key_statuses, %(account_id)s, %(position)s, %(at)s, %(entry)s,
    '{"status": "Active"}') as new

-- name: iam.access_key.deactivated.v1
insert into access_key_statuses
select new.* from close_interval(null::access_key_statuses, %(account_id)s, %(position)s, %(at)s, %(entry)s,
    '{access_key_id}', '{"status": "Active"}') as former
cross join lateral opened(null::access_key_statuses, %(account_id)s, %(position)s, %(at)s, %(entry)s,
    '{"status": "Inactive"}') as new

-- name: iam.access_key.deleted.v1
select close_interval(null::access_key_statuses, %(account_id)s, %(position)s, %(at)s, %(entry)s, '{access_key_id}'),
    close_interval(null::access_keys, %(account_id)s, %(position)s, %(at)s, %(entry)s, '{access_key_id}')

-- name: iam.login_profile.created.v1
-- name: iam.root_login_profile.created.v1
insert into passwords select * from opened(null::passwords, %(account_id)s, %(position)s, %(at)s, %(entry)s,
    jsonb_build_object('created', %(position)s, 'created_at', %(at)s, 'created_by', actor(%(entry)s),
        'changed', %(position)s, 'changed_at', %(at)s, 'changed_by', actor(%(entry)s),
        'reset_required', coalesce(%(entry)s #> '{event,reset_required}', 'false')))

-- name: iam.login_profile.updated.v1
-- name: iam.password.changed.v1
-- Without an id of a password it is the same one as before. One that a user has chosen need not be reset.
insert into passwords
select new.* from close_interval(null::passwords, %(account_id)s, %(position)s, %(at)s, %(entry)s, '{user_id}')
    as former
cross join lateral opened(null::passwords, %(account_id)s, %(position)s, %(at)s, %(entry)s,
    jsonb_build_object('created', former.created, 'created_at', former.created_at, 'created_by', former.created_by,
        'reset_required', coalesce(%(entry)s #> '{event,reset_required}', 'false'))
    || case when %(entry)s #>> '{event,password_id}' is not null then jsonb_build_object('changed', %(position)s,
        'changed_at', %(at)s, 'changed_by', actor(%(entry)s))
    else jsonb_build_object('changed', former.changed, 'changed_at', former.changed_at, 'changed_by',
        former.changed_by) end) as new

-- name: iam.login_profile.deleted.v1
-- name: iam.root_login_profile.deleted.v1
select close_interval(null::passwords, %(account_id)s, %(position)s, %(at)s, %(entry)s, '{user_id}')

-- name: iam.ssh_public_key.uploaded.v1
-- name: iam.signing_certificate.uploaded.v1
-- name: iam.service_specific_credential.created.v1
insert into user_credentials select * from opened(null::user_credentials, %(account_id)s, %(position)s, %(at)s,
    %(entry)s, jsonb_build_object('kind', split_part(%(topic)s, '.', 2), 'status', 'Active', 'created', %(position)s,
        'created_at', %(at)s, 'created_by', actor(%(entry)s)))

-- name: iam.user_credential.activated.v1
-- name: iam.user_credential.deactivated.v1
insert into user_credentials
select new.* from close_interval(null::user_credentials, %(account_id)s, %(position)s, %(at)s, %(entry)s,
    '{credential_id}') as former
cross join lateral opened(null::user_credentials, %(account_id)s, %(position)s, %(at)s, %(entry)s,
    jsonb_build_object('kind', former.kind, 'user_id', former.user_id, 'service_name', former.service_name,
        'expires_at', former.expires_at, 'created', former.created, 'created_at', former.created_at,
        'created_by', former.created_by,
        'status', case when %(topic)s = 'iam.user_credential.activated.v1' then 'Active' else 'Inactive' end)) as new

-- name: iam.user_credential.deleted.v1
select close_interval(null::user_credentials, %(account_id)s, %(position)s, %(at)s, %(entry)s, '{credential_id}')

-- name: iam.mfa_device.enabled.v1
insert into mfa_devices select * from opened(null::mfa_devices, %(account_id)s, %(position)s, %(at)s, %(entry)s)

-- name: iam.mfa_device.deactivated.v1
select close_interval(null::mfa_devices, %(account_id)s, %(position)s, %(at)s, %(entry)s, '{serial_number}')

-- name: iam.account.password_policy.updated.v1
insert into password_ages
select new.* from (
    select count(*) from close_interval(null::password_ages, %(account_id)s, %(position)s, %(at)s, %(entry)s, '{}')
) as former
cross join lateral opened(null::password_ages, %(account_id)s, %(position)s, %(at)s, %(entry)s,
    jsonb_build_object('max_days', %(entry)s #> '{event,max_password_age}')) as new

-- name: iam.account.password_policy.deleted.v1
select close_interval(null::password_ages, %(account_id)s, %(position)s, %(at)s, %(entry)s, '{}')

-- name: iam.credential.used.v1
-- A role's use is no access key's.
insert into access_key_uses (account_id, access_key_id, position, at, service, region)
select %(account_id)s, %(entry)s #>> '{event,credential_id}', %(position)s, %(at)s,
    %(entry)s #>> '{event,service}', %(entry)s #>> '{event,region}'
where %(entry)s #>> '{event,credential}' = 'access_key'

-- name: iam.access_key.rotation_warned.v1
-- name: iam.access_key.rotation_due.v1
-- name: iam.access_key.rotation_overdue.v1
-- name: iam.credential.rotation_warned.v1
-- name: iam.credential.rotation_due.v1
-- name: iam.credential.rotation_overdue.v1
-- name: iam.credential.idle.v1
-- name: iam.credential.idle.v2
insert into access_key_notices (account_id, access_key_id, position, notice)
select %(account_id)s, %(entry)s #>> '{event,credential_id}', %(position)s,
    replace(split_part(%(topic)s, '.', 3), 'rotation_', '')
where coalesce(%(entry)s #>> '{event,credential}', 'access_key') = 'access_key'
