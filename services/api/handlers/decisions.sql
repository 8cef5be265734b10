-- name: called
-- Where the call stands. One of a request that authenticated nobody has no decisions, and is none.
select position, counted_from is not null from views.trail
where account_id = %(account_id)s and request_id = %(request_id)s and read_only is not null
