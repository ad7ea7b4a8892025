-- How many paths an upload names, so that there can be a limit without counting them each time.

SET ROLE {app};

ALTER TABLE content.uploads ADD COLUMN files bigint NOT NULL DEFAULT 0;
UPDATE content.uploads SET files = (SELECT count(*) FROM content.upload_files WHERE upload_id = id);

RESET ROLE;
