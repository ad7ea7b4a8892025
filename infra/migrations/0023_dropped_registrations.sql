-- Whose registration was dropped: the key that sealed it may not come back with an older copy of the keys.
CREATE TABLE secrets.dropped_registrations (dropped uuid PRIMARY KEY);
GRANT SELECT ON secrets.dropped_registrations TO {app};

CREATE OR REPLACE FUNCTION ledger.side_forget(side jsonb) RETURNS void LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    place record;
BEGIN
    INSERT INTO secrets.dropped_registrations
    SELECT person_id FROM secrets.registrations WHERE person_id = (side->>'person_id')::uuid ON CONFLICT DO NOTHING;
    FOR place IN
        SELECT c.relname AS name, a.attname AS who FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE c.relnamespace = 'secrets'::regnamespace AND c.relkind = 'r' AND a.attname IN ('person_id', 'subject')
    LOOP
        EXECUTE format('DELETE FROM secrets.%I WHERE %I = $1', place.name, place.who) USING (side->>'person_id')::uuid;
    END LOOP;
END $$;
