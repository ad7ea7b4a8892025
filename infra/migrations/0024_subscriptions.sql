-- A service account that subscribes again before its place is given away keeps the place, and begins anew in it.

SET ROLE {app};

ALTER TABLE work.subscribers ADD COLUMN subscription integer NOT NULL DEFAULT 1;

RESET ROLE;
