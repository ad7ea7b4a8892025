-- Each kind of side row has a function of its own, ledger.side_<kind>(side jsonb): a new kind is a new function, and
-- no script has to repeat those of the others.

CREATE FUNCTION ledger.side_password(side jsonb) RETURNS void LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    INSERT INTO secrets.passwords VALUES ((side->>'person_id')::uuid, side->>'hash')
    ON CONFLICT (person_id) DO UPDATE SET hash = excluded.hash;
END;

CREATE FUNCTION ledger.side_email(side jsonb) RETURNS void LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    INSERT INTO secrets.email_index
    VALUES (decode(side->>'digest', 'hex'), (side->>'normalisation')::integer, (side->>'person_id')::uuid);
END;

-- Raises unique_violation where something is taken, undefined_function where there is no such kind.
CREATE OR REPLACE FUNCTION ledger.write_side(side jsonb) RETURNS void LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    EXECUTE format('SELECT ledger.%I($1)', 'side_' || (side->>'kind')) USING side;
END $$;

REVOKE ALL ON FUNCTION ledger.side_password, ledger.side_email FROM PUBLIC;
