-- Who goes by which avatar name: one person each, wherever that person belongs to, and also after an erasure.
CREATE TABLE ledger.avatar_names (
    name text PRIMARY KEY,
    person_id uuid NOT NULL
);

-- Of those that were given twice before, whoever had it first keeps it to itself.
INSERT INTO ledger.avatar_names
SELECT convert_from(state, 'UTF8')::jsonb #>> '{data,avatar_name}', originator_id FROM ledger.events
WHERE topic = 'person.registered' ORDER BY notification_id
ON CONFLICT DO NOTHING;

CREATE FUNCTION ledger.side_avatar_name(side jsonb) RETURNS void LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    INSERT INTO ledger.avatar_names VALUES (side->>'name', (side->>'person_id')::uuid);
END;

REVOKE ALL ON ledger.avatar_names FROM PUBLIC;
REVOKE ALL ON FUNCTION ledger.side_avatar_name FROM PUBLIC;
GRANT SELECT ON ledger.avatar_names TO {app};
