-- What waits for a person waits for each target that told it: removing one takes nothing away from another.
alter table notifications.mail_items drop constraint mail_items_pkey, add primary key (address, event_id, target_id);
