-- Second factors: the secret of each, sealed with the key of its person, and the last time step of which a code was used.
-- `offered_until` is null once a code has confirmed it.

CREATE TABLE secrets.second_factors (
    person_id uuid PRIMARY KEY,
    key_version integer NOT NULL,
    nonce bytea NOT NULL,
    ciphertext bytea NOT NULL,
    offered_until timestamptz,
    last_step bigint NOT NULL DEFAULT 0
);

-- Of each code that was not used yet an HMAC.
CREATE TABLE secrets.recovery_codes (
    person_id uuid NOT NULL,
    digest bytea NOT NULL,
    PRIMARY KEY (person_id, digest)
);

CREATE FUNCTION ledger.side_second_factor_offered(side jsonb) RETURNS void LANGUAGE sql
    SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    INSERT INTO secrets.second_factors AS f (person_id, key_version, nonce, ciphertext, offered_until)
    VALUES ((side->>'person_id')::uuid, (side->>'key_version')::integer, decode(side->>'nonce', 'hex'),
            decode(side->>'ciphertext', 'hex'), (side->>'until')::timestamptz)
    ON CONFLICT (person_id) DO UPDATE SET key_version = excluded.key_version, nonce = excluded.nonce,
        ciphertext = excluded.ciphertext, offered_until = excluded.offered_until, last_step = 0
    WHERE f.offered_until IS NOT NULL;
END;

-- The nonce names the secret that was looked at. Raises unique_violation where a code of this step or a later one was
-- used meanwhile, or another secret was offered: of two that use a code at once, one wins.
CREATE FUNCTION ledger.side_second_factor_used(side jsonb) RETURNS void LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE secrets.second_factors SET last_step = (side->>'step')::bigint, offered_until = NULL
    WHERE person_id = (side->>'person_id')::uuid AND nonce = decode(side->>'nonce', 'hex')
        AND last_step < (side->>'step')::bigint;
    IF NOT FOUND THEN
        RAISE unique_violation USING MESSAGE = 'this code was used';
    END IF;
END $$;

CREATE FUNCTION ledger.side_recovery_codes(side jsonb) RETURNS void LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    DELETE FROM secrets.recovery_codes WHERE person_id = (side->>'person_id')::uuid;
    INSERT INTO secrets.recovery_codes
    SELECT (side->>'person_id')::uuid, decode(digest, 'hex') FROM jsonb_array_elements_text(side->'digests') AS digest;
END;

CREATE FUNCTION ledger.side_recovery_code_used(side jsonb) RETURNS void LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM secrets.recovery_codes
    WHERE person_id = (side->>'person_id')::uuid AND digest = decode(side->>'digest', 'hex');
    IF NOT FOUND THEN
        RAISE unique_violation USING MESSAGE = 'this code was used';
    END IF;
END $$;

CREATE FUNCTION ledger.side_second_factor_dropped(side jsonb) RETURNS void LANGUAGE sql
    SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    DELETE FROM secrets.second_factors WHERE person_id = (side->>'person_id')::uuid;
    DELETE FROM secrets.recovery_codes WHERE person_id = (side->>'person_id')::uuid;
END;

REVOKE ALL ON FUNCTION ledger.side_second_factor_offered, ledger.side_second_factor_used, ledger.side_recovery_codes,
    ledger.side_recovery_code_used, ledger.side_second_factor_dropped FROM PUBLIC;
GRANT SELECT ON secrets.second_factors, secrets.recovery_codes TO {app};
