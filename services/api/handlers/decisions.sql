-- name: called
-- Where the call stands. One of a request that authenticated nobody has no decisions, and is none.
select call.position, counted_from is not null
from views.trail as call cross join lateral views.recorded_call(account_id, position, at)
where account_id = %(account_id)s and request_hash = hashtextextended(%(request_id)s, 0) and read_only is not null
    and request_id = %(request_id)s
