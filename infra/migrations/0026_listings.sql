-- What an upload names, hashed: one that names the same as one before comes to the same, and is not read again.

SET ROLE {app};

ALTER TABLE content.uploads ADD COLUMN listing bytea;
CREATE INDEX uploads_by_listing ON content.uploads (dataset_id, listing) WHERE prepared IS NOT NULL;

RESET ROLE;
