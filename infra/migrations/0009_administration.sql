-- Whatever secrets there are of a person, in any table that names one, go with it.
CREATE FUNCTION ledger.side_forget(side jsonb) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    place record;
BEGIN
    FOR place IN
        SELECT c.relname AS name, a.attname AS who FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE c.relnamespace = 'secrets'::regnamespace AND c.relkind = 'r' AND a.attname IN ('person_id', 'subject')
    LOOP
        EXECUTE format('DELETE FROM secrets.%I WHERE %I = $1', place.name, place.who) USING (side->>'person_id')::uuid;
    END LOOP;
END $$;

REVOKE ALL ON FUNCTION ledger.side_forget FROM PUBLIC;

-- Few, and asked for whenever keys are brought back or read models made anew.
CREATE INDEX events_of_erasures ON ledger.events (originator_id) WHERE topic = 'person.erased';
