-- Whoever looks for a part of a name or an address finds it by its threes of letters, and not by reading everybody.
-- The extension comes with PostgreSQL, and is one of those that the owner of a database may add.

CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA public;
