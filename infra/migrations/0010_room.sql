-- What an organization stores, and what addresses were given out for, in one row: moved with the blobs themselves,
-- so that reckoning costs no sum, and held while more is promised.

SET ROLE {app};

ALTER TABLE content.blobs ADD COLUMN promised_until timestamptz;
UPDATE content.blobs SET promised_until = now() WHERE NOT arrived;
ALTER TABLE content.blobs ADD CHECK (NOT arrived OR promised_until IS NULL);
CREATE INDEX blobs_promised ON content.blobs (promised_until) WHERE promised_until IS NOT NULL;

CREATE TABLE content.room (
    organization_id uuid PRIMARY KEY,
    stored bigint NOT NULL DEFAULT 0,
    promised bigint NOT NULL DEFAULT 0
);
INSERT INTO content.room
SELECT organization_id, coalesce(sum(size) FILTER (WHERE arrived), 0), coalesce(sum(size) FILTER (WHERE NOT arrived), 0)
FROM content.blobs GROUP BY organization_id;

CREATE FUNCTION content.move_room() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        UPDATE content.room r SET stored = r.stored - o.stored, promised = r.promised - o.promised
        FROM (SELECT organization_id, coalesce(sum(size) FILTER (WHERE arrived), 0) AS stored,
                     coalesce(sum(size) FILTER (WHERE promised_until IS NOT NULL), 0) AS promised
              FROM old_rows GROUP BY organization_id) o
        WHERE r.organization_id = o.organization_id;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO content.room AS r
        SELECT organization_id, coalesce(sum(size) FILTER (WHERE arrived), 0),
               coalesce(sum(size) FILTER (WHERE promised_until IS NOT NULL), 0)
        FROM new_rows GROUP BY organization_id ORDER BY organization_id
        ON CONFLICT (organization_id) DO UPDATE
        SET stored = r.stored + excluded.stored, promised = r.promised + excluded.promised;
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER room_of_new AFTER INSERT ON content.blobs
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION content.move_room();
CREATE TRIGGER room_of_changed AFTER UPDATE ON content.blobs
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION content.move_room();
CREATE TRIGGER room_of_gone AFTER DELETE ON content.blobs
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION content.move_room();

DROP INDEX content.blobs_stored;

RESET ROLE;
