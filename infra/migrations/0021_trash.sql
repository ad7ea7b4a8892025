-- What was purged: whose content is freed already, which blobs are on their way out, and how often some went.

SET ROLE {app};

CREATE TABLE content.purges (
    id uuid PRIMARY KEY,
    organization_id uuid NOT NULL,
    done_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE content.leaving (
    organization_id uuid NOT NULL,
    sha256 bytea NOT NULL,
    -- from when on nobody is told any more that it is there; null while it is looked for who else names it.
    since timestamptz,
    PRIMARY KEY (organization_id, sha256)
);
CREATE INDEX leaving_since ON content.leaving (since);

-- Whoever looked into the object store looks again where this has moved since.
ALTER TABLE content.room ADD COLUMN sweeps bigint NOT NULL DEFAULT 0;

RESET ROLE;
