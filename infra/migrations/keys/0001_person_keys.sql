-- Person keys, wrapped by a master key; apart from the ledger, with backups of their own.

CREATE TABLE person_keys (
    subject uuid NOT NULL,
    version integer NOT NULL,
    master text NOT NULL,
    wrapped bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (subject, version)
);
GRANT SELECT, INSERT, DELETE, UPDATE ON person_keys TO {app};
