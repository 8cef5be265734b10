-- Once, as a superuser: the role that muniment logs in as, and its database. Run with psql.
create role muniment login createrole;
create database muniment owner muniment template template0 encoding 'UTF8' locale 'C';
