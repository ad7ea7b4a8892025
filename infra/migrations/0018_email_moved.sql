-- A person is reached at another address: every one of before is free for others.
CREATE FUNCTION ledger.side_email_moved(side jsonb) RETURNS void LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    DELETE FROM secrets.email_index WHERE person_id = (side->>'person_id')::uuid;
    INSERT INTO secrets.email_index
    VALUES (decode(side->>'digest', 'hex'), (side->>'normalisation')::integer, (side->>'person_id')::uuid);
END;

REVOKE ALL ON FUNCTION ledger.side_email_moved FROM PUBLIC;
