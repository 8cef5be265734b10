-- name: violations
-- That lie in a period, or contain a moment. Some were foreseen, and had not begun.
-- In the order of the fields of domain.compliance.intervals.Violation.
select criterion, subject_id, holder_id, holder_name, from_position, from_at, by_time, opened_by, ends_at, to_position,
    closed_by
from views.violations
where account_id = %(account_id)s and criterion = any(%(criteria)s::text[])
    and from_position <= %(last_position)s and from_at <= %(last_at)s
    and case when to_position is null then ends_at is null or ends_at > %(first_at)s
        else to_position > %(first_position)s end
order by criterion, from_position, subject_id

-- name: exemptions
-- Up to a position, those of the account that stood at or behind the other.
select exemption_id, owner_id, owner_name, kinds, controls, asked, reason, valid_from, valid_from_at, opened_by, until,
    valid_to, valid_to_at, closed_by, ended_as
from views.exemptions
where account_id = %(account_id)s and valid_from <= %(last_position)s
    and (valid_to is null or valid_to > %(first_position)s)
order by valid_from, exemption_id

-- name: last_arns
-- Of users, groups and roles, which may be gone.
select distinct on (entity_id) entity_id, arn from views.principals
where account_id = %(account_id)s and entity_id = any(%(entity_ids)s::text[])
order by entity_id, valid_from desc
