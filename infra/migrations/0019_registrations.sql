-- Who asked for an account and has not shown yet that the address is theirs. Of them there is no event: what they gave
-- lies here, sealed with a key of their own, until they follow the link of a letter or its time is over.
CREATE TABLE secrets.registrations (
    person_id uuid PRIMARY KEY,
    key_version integer NOT NULL,
    nonce bytea NOT NULL,
    sealed bytea NOT NULL,
    asked_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    written_at timestamptz
);
CREATE INDEX registrations_unwritten ON secrets.registrations (asked_at) WHERE written_at IS NULL;
CREATE INDEX registrations_expiry ON secrets.registrations (expires_at);

CREATE FUNCTION ledger.side_registration(side jsonb) RETURNS void LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    INSERT INTO secrets.registrations
    VALUES ((side->>'person_id')::uuid, (side->>'key_version')::integer, decode(side->>'nonce', 'hex'),
            decode(side->>'sealed', 'hex'), (side->>'asked_at')::timestamptz, (side->>'expires_at')::timestamptz);
END;

CREATE FUNCTION ledger.side_registration_over(side jsonb) RETURNS void LANGUAGE sql
    SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    DELETE FROM secrets.registrations WHERE person_id = (side->>'person_id')::uuid;
END;

REVOKE ALL ON FUNCTION ledger.side_registration, ledger.side_registration_over FROM PUBLIC;
GRANT SELECT, UPDATE (written_at) ON secrets.registrations TO {app};
