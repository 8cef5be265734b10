-- name: recorded
-- Found by their text, so that only they are parsed. The newest last.
select position, state from ledger.uses
where account_id = '000000000000' and topic = 'api.called.v1'
    and position(convert_to('"operation":"' || %(operation)s || '"', 'UTF8') in state) > 0
order by position
