-- Once, as a superuser, with psql: who owns the ledger and migrates, whom the servers log in as, and the database.
create role muniment_owner login createrole;
create role muniment login;
create database muniment owner muniment_owner template template0 encoding 'UTF8' locale 'C';
