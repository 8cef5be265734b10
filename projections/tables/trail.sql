-- The access history: one row a call, one for each count of refused calls, and one for each record of requests that
-- authenticated nobody. It has what calls are found and counted by; all else is read in the ledger, where the call is.

-- name: schema
-- In an order that needs no padding.
create table trail (
    position bigint not null,
    at timestamptz not null,
    -- Of ids that we have made.
    request_hash bigint not null,
    -- Half as long as text, in each index.
    account bigint not null generated always as (account_id::bigint) stored,
    requests int not null,
    -- Null where nobody was authenticated, as is everything about the principal.
    read_only boolean,
    -- Whether the operation's own action was; and, in lower case, which others were.
    allowed boolean not null,
    account_id text not null,
    allowed_besides text[],
    service text not null,
    operation text not null,
    -- Null where it is the entity's.
    principal_id text,
    -- Null for the account's own users, who have a name, and can have no other ARN at the call.
    principal_arn text,
    -- The unique id of the user or role, for root the account's: of a session of a role or of a federated user,
    -- principal_id has another one.
    entity_id text,
    user_name text,
    issuer_arn text,
    source_identity text,
    -- user@host, for what a person did at the server's own machine.
    operator text,
    -- Where nobody was authenticated: what the request claimed.
    access_key_id text,
    session_id text,
    -- As a trusted proxy reported it, or else the peer's.
    source_address text,
    -- Of a user agent, as user_agent_key has it.
    user_agent_key uuid,
    error_code text,
    -- What the call was about, as resource_name has it: what its decisions, its parameters, and the changes and sessions
    -- that it made name, each once.
    resources text[] not null,
    -- Where nobody was authenticated: the account that the claimed key carries, and how many requests the row stands for.
    concerns_account_id text,
    -- Of calls that were counted: when the first and the last of them were refused, and what is said of them.
    counted_from timestamptz,
    counted_to timestamptz,
    error_message text,
    primary key (account_id, position)
);
create index trail_by_request on trail (request_hash);
-- Each filter of the history has one of its own, which gives its positions in order.
create index trail_by_access_key on trail (account, access_key_id, position) where access_key_id is not null;
create index trail_by_session on trail (account, session_id, position) where session_id is not null;
create index trail_by_entity on trail (account, entity_id, position) where entity_id is not null;
create index trail_by_user_name on trail (account, user_name, position) where user_name is not null;
create index trail_by_principal on trail (account, principal_arn, position) where principal_arn is not null;
create index trail_by_issuer on trail (account, issuer_arn, position) where issuer_arn is not null;
create index trail_by_source_identity on trail (account, source_identity, position) where source_identity is not null;
create index trail_by_operator on trail (account, operator, position) where operator is not null;
create index trail_by_source on trail (account, source_address, position) where source_address is not null;
create index trail_by_user_agent on trail (account, user_agent_key, position) where user_agent_key is not null;
create index trail_by_operation on trail (account, operation, position);
create index trail_by_error on trail (account, error_code, position) where error_code is not null;

-- Where each of a call's resources is found, in lower case; and each action that it asked for besides its operation's
-- own, behind the word `action`.
create table trail_resources (
    account_id text not null,
    resource_hash bigint not null,
    position bigint not null,
    primary key (account_id, resource_hash, position)
);

-- name: functions
-- By which a user agent is indexed: clients choose its length, and nobody finds another one with the same key.
create or replace function user_agent_key(user_agent text) returns uuid language sql stable parallel safe as $$
    select encode(substr(sha256(convert_to(user_agent, 'UTF8')), 1, 16), 'hex')::uuid
$$;

-- Who called, as the trail has it.
create or replace function caller_of(in_account text, principal jsonb) returns table (
    principal_id text, principal_arn text, entity_id text, user_name text, issuer_arn text)
language sql immutable parallel safe as $$
    select nullif(principal ->> 'principal_id', entity), case when name is null then principal ->> 'arn' end, entity, name,
        principal #>> '{issuer,arn}'
    from (
        select coalesce(principal #>> '{issuer,principal_id}', split_part(principal ->> 'principal_id', ':', 1)) as entity,
            -- A user of another account is told apart by the ARN: the name alone would be mistaken for one of this
            -- account's.
            case when principal ->> 'account_id' = in_account then principal ->> 'user_name' end as name
    ) as known
$$;

-- What the ledger has of a call in the trail, and the trail has not.
create or replace function recorded_call(in_account text, at_position bigint, at_time timestamptz) returns table (
    request_id text, principal_arn text, user_agent text, error_message text, parameters jsonb, decisions jsonb)
language sql stable parallel safe as $$
    select entry #>> '{cause,request_id}', entry #>> '{cause,principal,arn}', entry #>> '{cause,user_agent}',
        entry #>> '{event,error_message}', entry #> '{event,parameters}', coalesce(entry #> '{event,decisions}', '[]')
    from (
        select convert_from(state, 'UTF8')::jsonb as entry from ledger.uses
        where account_id = in_account and position = at_position and at = at_time
        offset 0  -- parsed once, and looked up by its key
    ) as line
$$;

-- A user, group, role or policy of the account by its kind and its name, which no other has whatever its path; all else
-- by its whole ARN or id.
create or replace function resource_name(in_account text, named text) returns text
language sql immutable parallel safe as $$
    select case
        when named like 'arn:%' and split_part(named, ':', 3) in ('iam', 'sts') and split_part(named, ':', 5) = in_account
            then regexp_replace(substr(named, strpos(named, ':' || in_account || ':') + 14),
                '^(user|group|role|policy|instance-profile|server-certificate)/.*/([^/]+)$', '\1/\2')
        else named
    end
$$;

-- What an event, or a call's parameters, name: ARNs and ids wherever they stand, and names by the keys that all events
-- and parameters have for them. A policy without an ARN is the inline one of whoever is named beside it.
create or replace function resources_named(in_account text, said jsonb) returns table (name text)
language sql immutable parallel safe as $$
    select each
    from jsonb_path_query(said, 'strict $.** ? (@.type() == "string")') as text
    cross join lateral (select resource_name(in_account, text #>> '{}') as whole) as resource
    -- An MFA device by its name alone, too; but with another path it is another device.
    cross join lateral unnest(array[whole, case when whole ~ '^mfa/.+/' then 'mfa/' || regexp_replace(whole, '^.*/', '')
        end]) as each
    -- Not the beginning of one, in place of a text that was too long.
    where left(text #>> '{}', 1) in ('a', 'A', 'S') and right(text #>> '{}', 1) <> '…' and text #>> '{}' ~ '^(arn:[^:]+:[^:]+:[^:]*:[^:]*:.+|A[A-Z]{3}[A-Z2-7]{16,17}|SESN[A-Z2-7]{17}|SAML[KP][A-Z2-7]{17})$'
    union all
    select case
        when key = 'user_name' and said ->> 'user_id' = in_account then 'root'
        when key in ('user_name', 'group_name', 'role_name', 'new_user_name', 'new_group_name')
            then split_part(replace(key, 'new_', ''), '_', 1) || '/' || value
        when key = 'instance_profile_name' then 'instance-profile/' || value
        when key in ('server_certificate_name', 'new_server_certificate_name') then 'server-certificate/' || value
        when key = 'entity_name' and said ->> 'entity_id' not like 'arn:%'
            then replace(said ->> 'entity', ' ', '-') || '/' || value
        when key = 'policy_name' and said ?| '{user_name,group_name,role_name,entity_name}' then 'inline-policy/' || value
        when key in ('virtual_mfa_device_name', 'device_name') then 'mfa/' || value
        -- Of an event it is the kind, and the id stands beside it.
        when key = 'credential' and said ? 'credential_id' then null
        when key = 'url' then 'oidc-provider/' || regexp_replace(value, '^https?://', '')
        when key in ('access_key_id', 'session_id', 'credential', 'seed', 'account_alias', 'certificate_id',
            'credential_id', 'exemption_id', 'ssh_public_key_id', 'service_specific_credential_id', 'service_user_name',
            'service_access_key_id', 'service_name', 'aws_service_name', 'serial_number', 'remove_private_key',
            'deletion_task_id', 'job_id') and value not like 'arn:%'
            then value
    end
    from jsonb_each(said) as field (key, member) cross join lateral (select member #>> '{}' as value) as text
    where jsonb_typeof(member) = 'string'
    union all
    -- Whom and what a document names: principals and resources without wildcards.
    select case when named[1] = in_account then 'root' else resource_name(in_account, named[1]) end
    from jsonb_each_text(said) as field
    cross join lateral regexp_matches(field.value, '"(arn:[^"*?$\\]+|[0-9]{12})"', 'g') as named
    where field.key in ('trust_policy', 'document')
$$;

-- name: api.called.v1
-- Materialised, so that the text is parsed once and not once a column. The events of a call stand right before it,
-- behind the call before it; its first use of a credential in a while says who called, and not about what. What a
-- question of ours is about it only reads: whoever looks for something would else find that it was looked for.
with called as materialized (
    select position, at, entry, coalesce(lag(position) over (order by position), (
            -- Before the first one: behind the last call, or behind a use that is not its own, of which none has three.
            select coalesce(max(position) filter (where topic = 'api.called.v1'), min(position)) from (
                select position, topic from ledger.uses where account_id = %(account_id)s and position <= %(after)s
                order by position desc limit 3
            ) as last
        ), 0) as former
    from (
        select position, at, convert_from(state, 'UTF8')::jsonb as entry from ledger.uses
        where account_id = %(account_id)s and position > %(after)s and position <= %(to)s and topic = 'api.called.v1'
    ) as used
), told as materialized (
    select called.position, said.*
    from called cross join lateral (
        select 1 as place, resource_name(%(account_id)s, resource #>> '{}') as name
        from jsonb_path_query(entry, '$.event.decisions[*].resources[*]') as resource where resource <> '"*"'
        union all
        select 2, name from resources_named(%(account_id)s, entry #> '{event,parameters}')
        where entry #>> '{cause,service}' <> 'muniment' or not (entry #>> '{event,read_only}')::boolean
        union all
        select 3, name from (
            select convert_from(state, 'UTF8')::jsonb #- '{event,session,minted_by_access_key_id}'
                #- '{event,session,minted_by_session_id}' as entry
            from (
                select state from ledger.changes where account_id = %(account_id)s
                    and called.position > called.former + 1
                    and position > called.former and position < called.position and topic <> 'iam.credential.used.v1'
                union all
                select state from ledger.uses where account_id = %(account_id)s
                    and called.position > called.former + 1
                    and position > called.former and position < called.position
            ) as before
        ) as made cross join lateral resources_named(%(account_id)s, made.entry -> 'event')
        where made.entry #> '{cause,request_id}' = called.entry #> '{cause,request_id}'
    ) as said
), named as materialized (
    select distinct on (position, lower(name)) position, place, name from told where name is not null
    order by position, lower(name), place, name
), asked as (
    select position, 'action ' || action as name
    from called cross join lateral (
        select decision ->> 'action' as action from jsonb_path_query(entry, '$.event.decisions[*]') as decision
    ) as decided
    where lower(action) <> lower((entry #>> '{cause,service}') || ':' || (entry #>> '{cause,operation}'))
), found as (
    insert into trail_resources (account_id, resource_hash, position)
    select distinct %(account_id)s, hashtextextended(lower(name), 0), position
    from (select position, name from named union all select position, name from asked) as each
), about as (
    select position, array_agg(name order by place, name !~ '[/:]', name) as resources from named group by position
)
insert into trail (account_id, position, at, request_hash, requests, read_only, allowed, allowed_besides, service,
    operation, principal_id, principal_arn, entity_id, user_name, issuer_arn, source_identity, operator, access_key_id,
    session_id, source_address, user_agent_key, error_code, resources)
select %(account_id)s, position, at, hashtextextended(cause.request_id, 0), 1, event.read_only,
    coalesce(action.name = any(granted.actions), false), nullif(array_remove(granted.actions, action.name), '{}'),
    cause.service, cause.operation, caller.*,
    coalesce(cause.principal ->> 'source_identity',
        case when cause.operation = 'AssumeRole' then event.parameters ->> 'source_identity' end),
    (cause.operator ->> 'user') || '@' || (cause.operator ->> 'host'), cause.access_key_id, cause.session_id,
    coalesce(cause.forwarded_address, cause.peer_address), user_agent_key(cause.user_agent), event.error_code,
    coalesce(about.resources, '{}')
from called left join about using (position)
cross join lateral jsonb_to_record(entry -> 'cause') as cause (request_id text, service text, operation text,
    principal jsonb, operator jsonb, access_key_id text, session_id text, peer_address text, forwarded_address text,
    user_agent text)
cross join lateral jsonb_to_record(entry -> 'event') as event (read_only boolean, parameters jsonb, error_code text)
cross join lateral caller_of(%(account_id)s, cause.principal) as caller
cross join lateral (select lower(cause.service || ':' || cause.operation) as name) as action
cross join lateral (
    select array_agg(lower(decision ->> 'action')) as actions
    from jsonb_path_query(entry, '$.event.decisions[*] ? (@.result == "allowed")') as decision
) as granted

-- name: api.refusals_counted.v1
with counted as materialized (
    select position, at, convert_from(state, 'UTF8')::jsonb as entry from ledger.uses
    where account_id = %(account_id)s and position > %(after)s and position <= %(to)s
        and topic = 'api.refusals_counted.v1'
), named as materialized (
    select distinct on (position, lower(name)) position, name from counted
    cross join lateral jsonb_array_elements_text(entry #> '{event,named}') as given (text)
    cross join lateral resource_name(%(account_id)s, text) as name
    order by position, lower(name), name
), found as (
    insert into trail_resources (account_id, resource_hash, position)
    select distinct %(account_id)s, hashtextextended(lower(name), 0), position from named
), about as (
    select position, array_agg(name order by name !~ '[/:]', name) as resources from named group by position
)
insert into trail (account_id, position, at, request_hash, requests, read_only, allowed, service, operation,
    principal_id, principal_arn, entity_id, user_name, issuer_arn, source_identity, access_key_id, session_id,
    source_address, user_agent_key, error_code, resources, counted_from, counted_to, error_message)
select %(account_id)s, position, at, hashtextextended(cause.request_id, 0), event.count, event.read_only, false,
    cause.service, cause.operation, caller.*, cause.principal ->> 'source_identity', cause.access_key_id,
    cause.session_id, coalesce(cause.forwarded_address, cause.peer_address), user_agent_key(cause.user_agent),
    event.error_code, coalesce(about.resources, '{}'), event.first::timestamptz, event.last::timestamptz,
    format('Refused %%s times more, from %%s to %%s: counted, not recorded one by one.', event.count, event.first,
        event.last)
from counted left join about using (position)
cross join lateral jsonb_to_record(entry -> 'cause') as cause (request_id text, service text, operation text,
    principal jsonb, access_key_id text, session_id text, peer_address text, forwarded_address text, user_agent text)
cross join lateral jsonb_to_record(entry -> 'event') as event (read_only boolean, error_code text, count int,
    first text, last text)
cross join lateral caller_of(%(account_id)s, cause.principal) as caller

-- name: api.unauthenticated_called.v1
with called as materialized (
    select position, at, convert_from(state, 'UTF8')::jsonb as entry from ledger.uses
    where account_id = %(account_id)s and position > %(after)s and position <= %(to)s
        and topic = 'api.unauthenticated_called.v1'
)
insert into trail (account_id, position, at, request_hash, requests, allowed, service, operation, access_key_id,
    source_address, user_agent_key, error_code, resources, concerns_account_id)
select %(account_id)s, position, at, hashtextextended(cause.request_id, 0), event.count, false, cause.service,
    cause.operation, event.claimed_access_key_id, coalesce(cause.forwarded_address, cause.peer_address),
    user_agent_key(cause.user_agent), event.error_code, '{}', event.claimed_account_id
from called
cross join lateral jsonb_to_record(entry -> 'cause') as cause (request_id text, service text, operation text,
    peer_address text, forwarded_address text, user_agent text)
cross join lateral jsonb_to_record(entry -> 'event') as event (error_code text, claimed_access_key_id text,
    claimed_account_id text, count int)
