-- Person keys, wrapped by a master key; apart from the ledger, with backups of their own.
-- An erased person keeps a row without a key, so that none is ever made again.

CREATE TABLE person_keys (
    subject uuid NOT NULL,
    version integer NOT NULL,
    master text NOT NULL,
    wrapped bytea,
    -- Not when its transaction began: a backup that locks the table knows by it what came later.
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    erased_at timestamptz,
    CHECK ((wrapped IS NULL) = (erased_at IS NOT NULL)),
    PRIMARY KEY (subject, version)
);
GRANT SELECT, INSERT, UPDATE ON person_keys TO {app};
