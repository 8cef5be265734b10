-- Where projections are built anew, beside the live ones, by the projector alone. It owns every table that it makes in
-- `views` and here; of the two schemas themselves it has the use, and cannot drop them or give them away.
drop schema if exists views_rebuilt cascade;
create schema views_rebuilt;

grant usage, create on schema views_rebuilt to muniment_projector;
-- How far they have come, whoever answers tells.
grant usage on schema views_rebuilt to muniment_reader;
