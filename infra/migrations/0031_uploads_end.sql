-- An upload that nobody uses any more ends; and of what arrived it is looked up whether anything names it.

SET ROLE {app};

ALTER TABLE content.uploads ADD COLUMN used_at timestamptz NOT NULL DEFAULT now();
ALTER TABLE content.uploads ADD COLUMN committed_at timestamptz;
-- Its files are on their way to be freed; for everybody else it is gone.
ALTER TABLE content.uploads ADD COLUMN dropped_at timestamptz;
UPDATE content.uploads SET committed_at = begun_at WHERE prepared IS NOT NULL;
CREATE INDEX uploads_of_dataset ON content.uploads (dataset_id, committed_at);
CREATE INDEX uploads_used ON content.uploads (used_at);
CREATE INDEX uploads_dropped ON content.uploads (dropped_at) WHERE dropped_at IS NOT NULL;

-- Until when bytes may come to an address that was given out: longer than room is kept for them.
ALTER TABLE content.blobs ADD COLUMN awaited_until timestamptz;
UPDATE content.blobs b SET awaited_until = now() WHERE NOT arrived AND NOT EXISTS (
    SELECT FROM content.leaving l WHERE l.organization_id = b.organization_id AND l.sha256 = b.sha256
);
ALTER TABLE content.blobs ADD CHECK (NOT arrived OR awaited_until IS NULL);
CREATE INDEX blobs_awaited ON content.blobs (awaited_until) WHERE awaited_until IS NOT NULL;

-- From when on it is looked up who names it: what arrives is named a moment later, mostly.
ALTER TABLE content.leaving ADD COLUMN due_at timestamptz NOT NULL DEFAULT now();
CREATE INDEX leaving_due ON content.leaving (due_at) WHERE since IS NULL;

RESET ROLE;
