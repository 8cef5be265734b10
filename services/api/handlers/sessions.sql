-- name: revoked
select principal_arn, revoked_position, revoked_at from views.sessions
where account_id = %(account_id)s and session_id = %(session_id)s and revoked_position is not null
