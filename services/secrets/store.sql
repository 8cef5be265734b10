-- name: data_key
select account_id, principal_id, master_key_id, wrapped from secrets.data_keys
where account_id = %(account_id)s and principal_id = %(principal_id)s

-- name: put_data_key
insert into secrets.data_keys (account_id, principal_id, master_key_id, wrapped)
values (%(account_id)s, %(principal_id)s, %(master_key_id)s, %(wrapped)s)
on conflict do nothing

-- name: put_access-key-secret
insert into secrets.access_key_secrets (account_id, access_key_id, principal_id, sealed)
values (%(account_id)s, %(name)s, %(principal_id)s, %(sealed)s)

-- name: get_access-key-secret
select account_id, principal_id, master_key_id, wrapped, sealed
from secrets.access_key_secrets join secrets.data_keys using (account_id, principal_id)
where account_id = %(account_id)s and access_key_id = %(name)s

-- name: delete_access-key-secret
delete from secrets.access_key_secrets where account_id = %(account_id)s and access_key_id = %(name)s

-- name: put_password-hash
insert into secrets.password_hashes (account_id, password_id, principal_id, sealed)
values (%(account_id)s, %(name)s, %(principal_id)s, %(sealed)s)

-- name: get_password-hash
select account_id, principal_id, master_key_id, wrapped, sealed
from secrets.password_hashes join secrets.data_keys using (account_id, principal_id)
where account_id = %(account_id)s and password_id = %(name)s

-- name: delete_password-hash
delete from secrets.password_hashes where account_id = %(account_id)s and password_id = %(name)s

-- name: put_service-password
insert into secrets.service_passwords (account_id, secret_id, principal_id, sealed)
values (%(account_id)s, %(name)s, %(principal_id)s, %(sealed)s)

-- name: get_service-password
select account_id, principal_id, master_key_id, wrapped, sealed
from secrets.service_passwords join secrets.data_keys using (account_id, principal_id)
where account_id = %(account_id)s and secret_id = %(name)s

-- name: delete_service-password
delete from secrets.service_passwords where account_id = %(account_id)s and secret_id = %(name)s

-- name: put_server-certificate-key
insert into secrets.server_certificate_keys (account_id, secret_id, principal_id, sealed)
values (%(account_id)s, %(name)s, %(principal_id)s, %(sealed)s)

-- name: get_server-certificate-key
select account_id, principal_id, master_key_id, wrapped, sealed
from secrets.server_certificate_keys join secrets.data_keys using (account_id, principal_id)
where account_id = %(account_id)s and secret_id = %(name)s

-- name: delete_server-certificate-key
delete from secrets.server_certificate_keys where account_id = %(account_id)s and secret_id = %(name)s

-- name: put_saml-private-key
insert into secrets.saml_private_keys (account_id, key_id, principal_id, sealed)
values (%(account_id)s, %(name)s, %(principal_id)s, %(sealed)s)

-- name: put_webhook-secret
insert into secrets.webhook_secrets (account_id, target_id, principal_id, sealed)
values (%(account_id)s, %(name)s, %(principal_id)s, %(sealed)s)

-- name: put_signing-key
insert into secrets.signing_keys (account_id, key_id, principal_id, sealed)
values (%(account_id)s, %(name)s, %(principal_id)s, %(sealed)s)

-- name: get_saml-private-key
select account_id, principal_id, master_key_id, wrapped, sealed
from secrets.saml_private_keys join secrets.data_keys using (account_id, principal_id)
where account_id = %(account_id)s and key_id = %(name)s

-- name: get_webhook-secret
select account_id, principal_id, master_key_id, wrapped, sealed
from secrets.webhook_secrets join secrets.data_keys using (account_id, principal_id)
where account_id = %(account_id)s and target_id = %(name)s

-- name: get_signing-key
select account_id, principal_id, master_key_id, wrapped, sealed
from secrets.signing_keys join secrets.data_keys using (account_id, principal_id)
where account_id = %(account_id)s and key_id = %(name)s

-- name: delete_saml-private-key
delete from secrets.saml_private_keys where account_id = %(account_id)s and key_id = %(name)s

-- name: delete_webhook-secret
delete from secrets.webhook_secrets where account_id = %(account_id)s and target_id = %(name)s

-- name: delete_signing-key
delete from secrets.signing_keys where account_id = %(account_id)s and key_id = %(name)s

-- name: put_trail-signing-key
insert into secrets.trail_signing_keys (account_id, fingerprint, principal_id, sealed)
values (%(account_id)s, %(name)s, %(principal_id)s, %(sealed)s)

-- name: get_trail-signing-key
select account_id, principal_id, master_key_id, wrapped, sealed
from secrets.trail_signing_keys join secrets.data_keys using (account_id, principal_id)
where account_id = %(account_id)s and fingerprint = %(name)s

-- name: delete_trail-signing-key
delete from secrets.trail_signing_keys where account_id = %(account_id)s and fingerprint = %(name)s

-- name: put_mfa-seed
insert into secrets.mfa_seeds (account_id, seed_id, principal_id, sealed)
values (%(account_id)s, %(name)s, %(principal_id)s, %(sealed)s)

-- name: get_mfa-seed
select account_id, principal_id, master_key_id, wrapped, sealed
from secrets.mfa_seeds join secrets.data_keys using (account_id, principal_id)
where account_id = %(account_id)s and seed_id = %(name)s

-- name: delete_mfa-seed
delete from secrets.mfa_seeds where account_id = %(account_id)s and seed_id = %(name)s

-- name: account_of_key
select account_id from secrets.access_key_accounts where access_key_id = %(access_key_id)s

-- name: put_account_of_key
insert into secrets.access_key_accounts (access_key_id, account_id) values (%(access_key_id)s, %(account_id)s)

-- name: erase
delete from secrets.data_keys where account_id = %(account_id)s and principal_id = %(principal_id)s

-- name: erase_unused
delete from secrets.data_keys
where account_id = %(account_id)s and principal_id = %(principal_id)s and wrapped = %(wrapped)s
    and not exists (select from secrets.access_key_secrets as used
        where (used.account_id, used.principal_id) = (data_keys.account_id, data_keys.principal_id))
    and not exists (select from secrets.password_hashes as used
        where (used.account_id, used.principal_id) = (data_keys.account_id, data_keys.principal_id))
    and not exists (select from secrets.service_passwords as used
        where (used.account_id, used.principal_id) = (data_keys.account_id, data_keys.principal_id))
    and not exists (select from secrets.server_certificate_keys as used
        where (used.account_id, used.principal_id) = (data_keys.account_id, data_keys.principal_id))
    and not exists (select from secrets.saml_private_keys as used
        where (used.account_id, used.principal_id) = (data_keys.account_id, data_keys.principal_id))
    and not exists (select from secrets.webhook_secrets as used
        where (used.account_id, used.principal_id) = (data_keys.account_id, data_keys.principal_id))
    and not exists (select from secrets.signing_keys as used
        where (used.account_id, used.principal_id) = (data_keys.account_id, data_keys.principal_id))
    and not exists (select from secrets.trail_signing_keys as used
        where (used.account_id, used.principal_id) = (data_keys.account_id, data_keys.principal_id))
    and not exists (select from secrets.mfa_seeds as used
        where (used.account_id, used.principal_id) = (data_keys.account_id, data_keys.principal_id))

-- name: data_keys_to_rewrap
select account_id, principal_id, master_key_id, wrapped from secrets.data_keys
where master_key_id <> %(master_key_id)s and (account_id, principal_id) > (%(account_id)s, %(principal_id)s)
order by account_id, principal_id limit %(limit)s

-- name: rewrap
update secrets.data_keys set master_key_id = %(master_key_id)s, wrapped = %(wrapped)s
where account_id = %(account_id)s and principal_id = %(principal_id)s and wrapped = %(replaced)s

-- name: master_keys
select master_key_id, count(*) from secrets.data_keys group by master_key_id

-- name: lock_data_keys
lock table secrets.data_keys in access exclusive mode

-- name: probe_access-key-secret
select access_key_id, account_id, principal_id, master_key_id, wrapped, sealed
from secrets.access_key_secrets join secrets.data_keys using (account_id, principal_id)
where (account_id, access_key_id) > (%(account_id)s, %(name)s) order by account_id, access_key_id limit %(limit)s

-- name: probe_password-hash
select password_id, account_id, principal_id, master_key_id, wrapped, sealed
from secrets.password_hashes join secrets.data_keys using (account_id, principal_id)
where (account_id, password_id) > (%(account_id)s, %(name)s) order by account_id, password_id limit %(limit)s

-- name: probe_service-password
select secret_id, account_id, principal_id, master_key_id, wrapped, sealed
from secrets.service_passwords join secrets.data_keys using (account_id, principal_id)
where (account_id, secret_id) > (%(account_id)s, %(name)s) order by account_id, secret_id limit %(limit)s

-- name: probe_server-certificate-key
select secret_id, account_id, principal_id, master_key_id, wrapped, sealed
from secrets.server_certificate_keys join secrets.data_keys using (account_id, principal_id)
where (account_id, secret_id) > (%(account_id)s, %(name)s) order by account_id, secret_id limit %(limit)s

-- name: probe_saml-private-key
select key_id, account_id, principal_id, master_key_id, wrapped, sealed
from secrets.saml_private_keys join secrets.data_keys using (account_id, principal_id)
where (account_id, key_id) > (%(account_id)s, %(name)s) order by account_id, key_id limit %(limit)s

-- name: probe_webhook-secret
select target_id, account_id, principal_id, master_key_id, wrapped, sealed
from secrets.webhook_secrets join secrets.data_keys using (account_id, principal_id)
where (account_id, target_id) > (%(account_id)s, %(name)s) order by account_id, target_id limit %(limit)s

-- name: probe_signing-key
select key_id, account_id, principal_id, master_key_id, wrapped, sealed
from secrets.signing_keys join secrets.data_keys using (account_id, principal_id)
where (account_id, key_id) > (%(account_id)s, %(name)s) order by account_id, key_id limit %(limit)s

-- name: probe_trail-signing-key
select fingerprint, account_id, principal_id, master_key_id, wrapped, sealed
from secrets.trail_signing_keys join secrets.data_keys using (account_id, principal_id)
where (account_id, fingerprint) > (%(account_id)s, %(name)s) order by account_id, fingerprint limit %(limit)s

-- name: probe_mfa-seed
select seed_id, account_id, principal_id, master_key_id, wrapped, sealed
from secrets.mfa_seeds join secrets.data_keys using (account_id, principal_id)
where (account_id, seed_id) > (%(account_id)s, %(name)s) order by account_id, seed_id limit %(limit)s

-- name: probe_accounts_of_keys
select access_key_id, account_id from secrets.access_key_accounts
where access_key_id > %(name)s order by access_key_id limit %(limit)s
