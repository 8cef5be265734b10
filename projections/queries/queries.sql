-- What is asked of the live tables. "Valid at" is always the position to which the moment was resolved.

-- name: bearers
-- Who of these kinds was called so behind one position, or already there, and up to another. A row for each name.
select kind, entity_id, name, arn, valid_from, valid_to from views.principals
where account_id = %(account_id)s and kind = any(%(kinds)s::text[])
    and valid_from <= %(to)s and (valid_to is null or valid_to > %(after)s)
    and (entity_id = %(named)s or lower(name) = lower(regexp_replace(%(named)s, '^.*/', ''))
        and lower(%(named)s) in (lower(name), lower(kind || '/' || name), lower(arn),
            lower(regexp_replace(arn, '^([^:]*:){5}', ''))))
union all
select 'policy', policy_arn, max(policy_name), policy_arn, min(valid_from),
    case when bool_and(valid_to is not null) then max(valid_to) end
from views.policy_defaults
where account_id = %(account_id)s and policy_arn = any(%(policy_arns)s::text[])
group by policy_arn having min(valid_from) <= %(to)s and (bool_or(valid_to is null) or max(valid_to) > %(after)s)
order by valid_from, kind

-- name: names
-- Every name that those had who were ever called so.
select kind, entity_id, name, arn, valid_from, valid_to from views.principals
where account_id = %(account_id)s and entity_id in (
    select entity_id from views.principals
    where account_id = %(account_id)s
        and (entity_id = %(principal)s or lower(name) = lower(regexp_replace(%(principal)s, '^.*/', ''))
            and lower(%(principal)s) in (lower(name), lower(kind || '/' || name), lower(arn),
                lower(regexp_replace(arn, '^([^:]*:){5}', ''))))
)
order by entity_id, valid_from

-- name: policies
-- The id of a policy stands where it was attached, or was a boundary, and at the call that created it.
select distinct policy_arn from views.policy_defaults
where account_id = %(account_id)s and lower(policy_name) = lower(regexp_replace(%(policy)s, '^.*/', ''))
    and lower(%(policy)s) in (lower(policy_name), 'policy/' || lower(policy_name), lower(policy_arn),
        lower(regexp_replace(policy_arn, '^([^:]*:){5}', '')))
union
select policy_arn from views.attachments where account_id = %(account_id)s and policy_id = %(policy)s
union
select 'arn:' || partition || ':iam::' || account_id || ':' || created.resource from views.accounts cross join (
    select resource from views.trail_resources as place join views.trail as call using (account_id, position)
        cross join lateral unnest(call.resources) as resource
    where account_id = %(account_id)s and resource_hash = hashtextextended(lower(%(policy)s), 0)
        and call.operation = 'CreatePolicy' and %(policy)s = any(call.resources) and resource like 'policy/%%'
) as created
where account_id = %(account_id)s

-- name: otherwise_called
-- By what else calls name that which has this id or name, each from behind one position and up to another: what has a
-- unique id and is mostly named otherwise, from the call on that created or renamed it; a service-specific credential,
-- by what the service calls it.
with naming as (
    select call.position, call.operation, case call.operation
            when 'CreateSAMLProvider' then 'saml-provider/' || (parameters ->> 'name')
            when 'CreateInstanceProfile' then 'instance-profile/' || (parameters ->> 'instance_profile_name')
            else 'server-certificate/'
                || coalesce(parameters ->> 'new_server_certificate_name', parameters ->> 'server_certificate_name')
        end as name
    from views.trail_resources as place join views.trail as call using (account_id, position)
        cross join lateral views.recorded_call(account_id, position, at)
    where account_id = %(account_id)s and resource_hash = hashtextextended(lower(%(named)s), 0)
        and %(named)s = any(call.resources) and error_code is null and operation in ('CreateSAMLProvider',
            'CreateInstanceProfile', 'UploadServerCertificate', 'UpdateServerCertificate')
)
select name, position - 1, least(
    lead(position) over (order by position),
    (
        select min(call.position) from views.trail_resources as place join views.trail as call using (account_id, position)
        where account_id = %(account_id)s and resource_hash = hashtextextended(lower(name), 0)
            and call.position > naming.position and error_code is null
            and operation in ('DeleteSAMLProvider', 'DeleteInstanceProfile', 'DeleteServerCertificate')
    )
) from naming
union all
select credential, 0, null from views.trail_resources as place join views.trail as call using (account_id, position)
    cross join lateral unnest(call.resources) as credential
    cross join lateral views.recorded_call(account_id, position, at)
where account_id = %(account_id)s and resource_hash = hashtextextended(lower(%(named)s), 0)
    and %(named)s = any(call.resources) and operation = 'CreateServiceSpecificCredential' and credential like 'ACCA%%'
    and %(named)s not like 'ACCA%%' and %(named)s not like '%%/%%'
    and %(named)s is distinct from parameters ->> 'service_name'

-- name: partition
select partition from views.accounts where account_id = %(account_id)s

-- name: is_credential
select 1 from views.births
where account_id = %(account_id)s
    and (access_key_id = %(credential)s or subject_id = %(credential)s or arn = any(%(arns)s::text[]))
limit 1

-- name: is_operation_of
select 1 from views.trail
where account = %(account_id)s::text::bigint and operation = any(%(operations)s::text[]) and lower(service) = %(service)s
limit 1

-- name: credential_ids
select case %(column)s when 'access_key_id' then access_key_id else subject_id end from views.births
where account_id = %(account_id)s and kind in ('access_key', 'session') order by position desc limit %(limit)s

-- name: session_names
-- Of the sessions of a role, or of federated users, as they are called behind the account.
select regexp_replace(arn, '^([^:]*:){5}', '') from views.births
where account_id = %(account_id)s and kind = 'session' and case when %(role)s::text is null
    then arn like '%%:federated-user/%%'
    else lower(split_part(arn, '/', 2)) = lower(%(role)s) and arn like '%%:assumed-role/%%' end
order by position desc limit %(limit)s

-- name: known
-- What there is, or was, by all its names, the newest first; and whether each was the last one.
(select kind, entity_id, name, arn, valid_from = max(valid_from) over (partition by entity_id) from views.principals
where account_id = %(account_id)s order by valid_from desc limit %(limit)s)
union all
(select distinct 'policy', policy_arn, policy_name, policy_arn, true from views.policy_defaults
where account_id = %(account_id)s limit %(limit)s)

-- name: held_policies
-- What the entity holds itself, and what the groups hold that it was in.
with holders as (
    select %(entity_id)s::text as entity_id, null::text as group_id, null::text as group_name,
        null::bigint as valid_from, null::timestamptz as valid_from_at, null::text as opened_by
    union all
    select membership.group_id, membership.group_id, entity.name,
        membership.valid_from, membership.valid_from_at, membership.opened_by
    from views.memberships as membership join views.principals as entity
        on entity.account_id = membership.account_id and entity.entity_id = membership.group_id
        and entity.valid_from <= %(position)s and (entity.valid_to is null or entity.valid_to > %(position)s)
    where membership.account_id = %(account_id)s and membership.user_id = %(entity_id)s
        and membership.valid_from <= %(position)s
        and (membership.valid_to is null or membership.valid_to > %(position)s)
), held as (
    select held.entity_id, held.policy_name, null::text as policy_arn, null::int as version, held.document,
        held.valid_from, held.valid_from_at, held.opened_by,
        held.valid_from as document_from, held.valid_from_at as document_from_at, held.opened_by as document_by
    from views.inline_policies as held
    where held.account_id = %(account_id)s and held.entity_id in (select entity_id from holders)
        and held.valid_from <= %(position)s and (held.valid_to is null or held.valid_to > %(position)s)
    union all
    select held.entity_id, chosen.policy_name, held.policy_arn, chosen.version, written.document,
        held.valid_from, held.valid_from_at, held.opened_by,
        chosen.valid_from, chosen.valid_from_at, chosen.opened_by
    from views.attachments as held
    join views.policy_defaults as chosen
        on chosen.account_id = held.account_id and chosen.policy_arn = held.policy_arn
        and chosen.valid_from <= %(position)s and (chosen.valid_to is null or chosen.valid_to > %(position)s)
    join views.policy_versions as written
        on written.account_id = held.account_id and written.policy_arn = held.policy_arn
        and written.version = chosen.version
        and written.valid_from <= %(position)s and (written.valid_to is null or written.valid_to > %(position)s)
    where held.account_id = %(account_id)s and held.entity_id in (select entity_id from holders)
        and held.valid_from <= %(position)s and (held.valid_to is null or held.valid_to > %(position)s)
)
select policy_name, policy_arn, 'v' || version, document,
    held.valid_from, held.valid_from_at, held.opened_by, document_from, document_from_at, document_by,
    group_id, group_name, holders.valid_from, holders.valid_from_at, holders.opened_by
from holders join held using (entity_id)
order by group_name nulls first, policy_arn nulls last, policy_name

-- name: sessions
select position, session_id, access_key_id, principal_type, principal_arn, entity_id, entity_arn,
    minted_by_arn, minted_by_access_key_id, minted_by_session_id, issued_at, expires_at, source_address, user_agent,
    source_identity, tags, policies, assumed_root,
    case when is_revoked then revoked_position end, case when is_revoked then revoked_at end,
    case when is_revoked then revoked_by end, case when is_orphaned then orphaned_at end, is_active
from views.sessions
-- What came after the moment is not known at the moment.
cross join lateral (select coalesce(revoked_position <= %(position)s, false) as is_revoked) as revoked
cross join lateral (select coalesce(orphaned_position <= %(position)s, false) as is_orphaned) as orphaned
cross join lateral (select expires_at > %(at)s and not is_revoked and not is_orphaned as is_active) as active
where account_id = %(account_id)s and position > %(after)s and position <= %(position)s
    and (is_active or not %(active_only)s)
order by position limit %(limit)s

-- name: root_sessions
-- By whom sessions of root were got that AssumeRoot gave.
select session_id, minted_by_arn from views.sessions
where account_id = %(account_id)s and session_id = any(%(sessions)s::text[]) and assumed_root

-- name: credentials
select key.access_key_id, key.user_id, owner.user_name, key.valid_from, key.valid_from_at, key.opened_by,
    current.status, current.valid_from, current.valid_from_at, current.opened_by,
    used.at, used.service, used.region, rotation.notice, coalesce(idle.position > coalesce(used.position, 0), false)
from views.access_keys as key
join views.access_key_statuses as current
    on current.account_id = key.account_id and current.access_key_id = key.access_key_id
    and current.valid_from <= %(position)s and (current.valid_to is null or current.valid_to > %(position)s)
left join views.key_owners as owner
    on owner.account_id = key.account_id and owner.user_id = key.user_id
    and owner.valid_from <= %(position)s and (owner.valid_to is null or owner.valid_to > %(position)s)
left join lateral (
    select at, service, region, position from views.access_key_uses
    where account_id = key.account_id and access_key_id = key.access_key_id and position <= %(position)s
    order by position desc limit 1
) as used on true
left join lateral (
    select notice from views.access_key_notices
    where account_id = key.account_id and access_key_id = key.access_key_id and position <= %(position)s
        and notice <> 'idle'
    order by position desc limit 1
) as rotation on true
left join lateral (
    select position from views.access_key_notices
    where account_id = key.account_id and access_key_id = key.access_key_id and position <= %(position)s
        and notice = 'idle'
    order by position desc limit 1
) as idle on true
where key.account_id = %(account_id)s
    and key.valid_from <= %(position)s and (key.valid_to is null or key.valid_to > %(position)s)
order by key.valid_from, key.access_key_id

-- name: passwords
-- Each with what the account's password policy said at the moment, which does not count for root's.
select password.user_id, owner.user_name, password.created, password.created_at, password.created_by,
    password.changed, password.changed_at, password.changed_by, password.reset_required,
    age.max_days, coalesce(age.hard_expiry, false)
from views.passwords as password
left join views.key_owners as owner
    on owner.account_id = password.account_id and owner.user_id = password.user_id
    and owner.valid_from <= %(position)s and (owner.valid_to is null or owner.valid_to > %(position)s)
left join views.password_ages as age
    on age.account_id = password.account_id and password.user_id <> password.account_id
    and age.valid_from <= %(position)s and (age.valid_to is null or age.valid_to > %(position)s)
where password.account_id = %(account_id)s
    and password.valid_from <= %(position)s and (password.valid_to is null or password.valid_to > %(position)s)
order by password.created, password.user_id

-- name: user_credentials
select credential.credential_id, credential.kind, credential.user_id, owner.user_name,
    credential.created, credential.created_at, credential.created_by, credential.status,
    credential.valid_from, credential.valid_from_at, credential.opened_by, credential.service_name,
    credential.expires_at
from views.user_credentials as credential
left join views.key_owners as owner
    on owner.account_id = credential.account_id and owner.user_id = credential.user_id
    and owner.valid_from <= %(position)s and (owner.valid_to is null or owner.valid_to > %(position)s)
where credential.account_id = %(account_id)s
    and credential.valid_from <= %(position)s
    and (credential.valid_to is null or credential.valid_to > %(position)s)
order by credential.created, credential.credential_id

-- name: mfa_devices
select device.serial_number, device.user_id, owner.user_name, device.valid_from, device.valid_from_at, device.opened_by
from views.mfa_devices as device
left join views.key_owners as owner
    on owner.account_id = device.account_id and owner.user_id = device.user_id
    and owner.valid_from <= %(position)s and (owner.valid_to is null or owner.valid_to > %(position)s)
where device.account_id = %(account_id)s
    and device.valid_from <= %(position)s and (device.valid_to is null or device.valid_to > %(position)s)
order by device.valid_from, device.serial_number

-- name: in_order
-- For the rest of the transaction. Whatever the statistics say of an account, and they know nothing of one that is new,
-- positions come in the order of an index: to read all that fits and sort it only seems cheap.
select set_config('enable_sort', 'off', true), set_config('enable_incremental_sort', 'off', true),
    set_config('enable_bitmapscan', 'off', true), set_config('enable_seqscan', 'off', true)

-- name: history
-- Of the calls at these positions, those that fit, with their lines of the ledger. Those are read for what the trail has
-- not.
select position, at, read_only, user_name, operator, access_key_id, error_code, error_message, concerns_account_id,
    requests, counted_from, counted_to, source_identity, resources, line
from views.trail as call cross join lateral (
    select convert_from(state, 'UTF8') as line from ledger.uses
    where account_id = call.account_id and position = call.position and at = call.at
    offset 0
) as entry
where account_id = %(account_id)s and position = any(%(positions)s::bigint[])
    and (%(concerns_account_id)s::text is null or concerns_account_id = %(concerns_account_id)s)
    and (%(access_key_id)s::text is null or access_key_id = %(access_key_id)s)
    and (%(session_id)s::text is null or session_id = %(session_id)s)
    and (not %(by_principal)s or entity_id = any(%(entity_ids)s::text[])
        or coalesce(principal_id, entity_id) = any(%(principal_ids)s::text[])
        or principal_arn = any(%(principal_arns)s::text[]) or issuer_arn = any(%(issuer_arns)s::text[])
        or user_name = any(%(user_names)s::text[]) or operator = any(%(operators)s::text[])
        or access_key_id = any(%(credential_ids)s::text[]) or session_id = any(%(credential_ids)s::text[])
        or %(principal_arns)s::text[] <> '{}' and user_name is not null
            and line::jsonb #>> '{cause,principal,arn}' = any(%(principal_arns)s::text[]))
    and (%(addresses)s::text[] is null or source_address = any(%(addresses)s::text[]))
    and (%(network)s::text is null
        or case when source_address ~ '^[0-9a-fA-F.:]+$' then source_address::inet <<= %(network)s::inet
            or regexp_replace(source_address, '^::ffff:(.*[.].*)$', '\1')::inet <<= %(network)s::inet end)
    and (%(user_agent)s::text is null or strpos(lower(line::jsonb #>> '{cause,user_agent}'), lower(%(user_agent)s)) > 0)
    and (%(operations)s::text[] is null or lower(operation) = any(%(operations)s::text[])
            and (%(service)s::text is null or service = %(service)s)
        or %(actions)s::text[] is not null and exists (
            select from jsonb_array_elements(line::jsonb #> '{event,decisions}') as decision
            where lower(decision ->> 'action') = any(%(actions)s::text[])))
    and (%(resources)s::text[] is null or exists (
        select from unnest(%(resources)s::text[], %(resources_after)s::bigint[], %(resources_to)s::bigint[])
            as sought (name, after, to_position)
        where position > after and position <= to_position and lower(name) = any(lower(resources::text)::text[])))
    and (%(source_identity)s::text is null or lower(source_identity) = lower(%(source_identity)s))
    and (%(error_code)s::text is null or lower(error_code) = lower(%(error_code)s))
order by case when %(newest_first)s then -position else position end limit %(limit)s

-- name: due_subjects
-- Whose time has come, the first first; and those of whom something has changed since they were looked at.
(
    select account_id, subject_id from lifecycle.schedule
    where wake_at <= %(at)s and account_id <> all(%(without)s::text[])
    order by wake_at fetch first %(limit)s rows only
)
union
(
    select account.account_id, changed.subject_id
    from views.due_accounts as account
    left join lifecycle.progress on progress.account_id = account.account_id
    cross join lateral (
        select subject_id, changed from views.due_subjects as subject
        where subject.account_id = account.account_id and subject.changed > coalesce(progress.evaluated, 0)
        union
        select subject_id, account.everything from views.due_subjects as subject
        where subject.account_id = account.account_id and account.everything > coalesce(progress.evaluated, 0)
    ) as changed
    where account.changed > coalesce(progress.evaluated, 0) and account.account_id <> all(%(without)s::text[])
        and not exists (
            select from lifecycle.schedule
            where schedule.account_id = account.account_id and schedule.subject_id = changed.subject_id
                and schedule.evaluated >= changed.changed
        )
    fetch first %(limit)s rows only
)

-- name: due_progress
-- Up to where all changes of an account are among the subjects that were found, where there were no more.
select account.account_id, account.changed from views.due_accounts as account
left join lifecycle.progress on progress.account_id = account.account_id
where account.changed > coalesce(progress.evaluated, 0) and account.account_id <> all(%(without)s::text[])

-- name: due_sessions
-- Those that end at the same time all come: what is left out ends later than all of these.
select account_id, session_id, access_key_id, principal_arn, expires_at from views.due_sessions
where expires_at <= %(since)s and account_id <> all(%(without)s::text[])
order by expires_at fetch first %(limit)s rows with ties

-- name: due_unseen
-- Accounts that the rows do not show to the end, with the time of the first event that is missing there.
select heads.account_id, coalesce(change.at, used.at)
from ledger.heads
left join views.cursors on cursors.account_id = heads.account_id and cursors.projection = 'due'
left join ledger.changes as change
    on change.account_id = heads.account_id and change.position = coalesce(cursors.position, 0) + 1
left join ledger.uses as used
    on used.account_id = heads.account_id and used.position = coalesce(cursors.position, 0) + 1
where heads.account_id = any(%(accounts)s::text[]) and coalesce(cursors.position, 0) < heads.position

-- name: due_turns
-- What has opened or closed of the frameworks that accounts have adopted, and is not recorded yet. Those of one time are
-- in the order of the positions. Each `offset 0` has the indexes used, account by account: most violations of an account
-- are long recorded, or foreseen only.
with turns as (
    select opened.*, opened.from_at as at, false as closes, opened.from_position as position
    from views.violations_recorded as recorded cross join lateral (
        select * from views.violations
        where account_id = recorded.account_id and from_at >= recorded.up_to and from_at <= %(at)s offset 0
    ) as opened
    union all
    select closed.*, closed.ends_at, true, coalesce(closed.to_position, closed.from_position)
    from views.violations_recorded as recorded cross join lateral (
        select * from views.violations
        where account_id = recorded.account_id and ends_at >= recorded.up_to and ends_at <= %(at)s offset 0
    ) as closed
), keyed as (
    select turns.*, concat_ws(' ', lpad(position::text, 20, '0'), criterion, subject_id,
        case when closes then 'closed' else 'opened' end) collate "C" as key
    from turns
)
select account_id, keyed.at, keyed.key, closes, criterion, subject_id, holder_id, holder_name, from_position, from_at,
    by_time, opened_by, ends_at, to_position, closed_by
from keyed join views.watched_criteria as watched using (account_id, criterion)
    join views.violations_recorded as recorded using (account_id)
where (keyed.at, keyed.key) > (recorded.up_to, recorded.key) and (watched.until is null or keyed.at <= watched.until)
    and account_id <> all(%(without)s::text[])
order by account_id, keyed.at, keyed.key limit %(limit)s

-- name: turns_seen
-- Up to which position the tables of violations have read an account, and the time of that.
select cursors.account_id, cursors.position, coalesce(change.at, used.at)
from views.cursors
left join ledger.changes as change using (account_id, position)
left join ledger.uses as used using (account_id, position)
where cursors.projection = 'compliance' and cursors.account_id = any(%(accounts)s::text[])
