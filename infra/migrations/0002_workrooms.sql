-- Rooms that the application furnishes itself: read models (rebuilt, never migrated), content by hash, and work in hand.

GRANT CREATE ON DATABASE {database} TO {app};
CREATE SCHEMA content AUTHORIZATION {app};
CREATE SCHEMA work AUTHORIZATION {app};
CREATE SCHEMA read AUTHORIZATION {app};

SET ROLE {app};

CREATE TABLE content.pages (
    organization_id uuid NOT NULL,
    sha256 bytea NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (organization_id, sha256)
);

CREATE TABLE content.blobs (
    organization_id uuid NOT NULL,
    sha256 bytea NOT NULL,
    size bigint NOT NULL,
    -- false: an address to send it to was given out, and nobody has asked since whether it came.
    arrived boolean NOT NULL,
    facts jsonb,
    body bytea,
    PRIMARY KEY (organization_id, sha256)
);

CREATE TABLE content.uploads (
    id uuid PRIMARY KEY,
    organization_id uuid NOT NULL,
    dataset_id uuid NOT NULL,
    base text,
    -- counts what was added; `prepared` is what the files come to, until another is added.
    version bigint NOT NULL DEFAULT 0,
    prepared jsonb,
    begun_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE content.upload_files (
    upload_id uuid NOT NULL REFERENCES content.uploads ON DELETE CASCADE,
    path text COLLATE "C" NOT NULL,
    sha256 bytea NOT NULL,
    size bigint NOT NULL,
    PRIMARY KEY (upload_id, path)
);

CREATE TABLE work.positions (
    consumer text PRIMARY KEY,
    stream text NOT NULL,
    position bigint NOT NULL,
    stopped text,
    moved_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE work.done (
    consumer text NOT NULL,
    position bigint NOT NULL,
    done_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, position)
);

CREATE TABLE work.parked (
    id uuid PRIMARY KEY,
    consumer text NOT NULL,
    position bigint NOT NULL,
    subject text NOT NULL,
    reason text NOT NULL,
    attempts integer NOT NULL,
    digest text NOT NULL,
    parked_at timestamptz NOT NULL DEFAULT now(),
    redriven_at timestamptz,
    UNIQUE (consumer, position, digest)
);

CREATE TABLE work.trainers (
    framework text PRIMARY KEY,
    models jsonb NOT NULL,
    reported_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE work.archive (
    job_id uuid NOT NULL,
    attempt integer NOT NULL,
    first bigint NOT NULL,
    last bigint NOT NULL,
    organization_id uuid NOT NULL,
    sha256 text NOT NULL,
    PRIMARY KEY (job_id, attempt, first)
);

CREATE TABLE work.places (
    job_id uuid PRIMARY KEY,
    organization_id uuid NOT NULL,
    taken_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX places_by_organization ON work.places (organization_id);

CREATE TABLE work.heard (
    job_id uuid NOT NULL,
    attempt integer NOT NULL,
    heard_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (job_id, attempt)
);

RESET ROLE;
