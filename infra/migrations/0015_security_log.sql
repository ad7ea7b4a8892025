-- What was refused and should be known of: beside the history, of bounded size and age, gone with the person that it is about.

-- One row is all of one kind, about the same, from one network within an hour; of the networks of an hour the first
-- twenty have a row of their own, the others share the one without a name. Neither id: nobody knows whose.
CREATE TABLE secrets.security_log (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL,
    organization_id uuid,
    person_id uuid,
    network text NOT NULL,
    hour timestamptz NOT NULL,
    count bigint NOT NULL,
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    told boolean NOT NULL DEFAULT false,
    UNIQUE NULLS NOT DISTINCT (organization_id, person_id, kind, hour, network)
);
CREATE INDEX security_log_about ON secrets.security_log (organization_id, person_id, id);
CREATE INDEX security_log_of_a_person ON secrets.security_log (person_id) WHERE person_id IS NOT NULL;
CREATE INDEX security_log_untold ON secrets.security_log (hour) WHERE person_id IS NOT NULL AND NOT told;
CREATE INDEX security_log_age ON secrets.security_log (last_at);

CREATE FUNCTION secrets.note_security(what text, organization uuid, person uuid, "from" text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    now timestamptz := clock_timestamp();
    this_hour timestamptz := date_trunc('hour', now);
    made boolean;
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    IF (SELECT count(*) FILTER (WHERE l.network = "from") = 0 AND count(*) >= 20 FROM secrets.security_log l
        WHERE l.organization_id IS NOT DISTINCT FROM organization AND l.person_id IS NOT DISTINCT FROM person
            AND l.kind = what AND l.hour = this_hour) THEN
        "from" := '';
    END IF;
    INSERT INTO secrets.security_log AS l (kind, organization_id, person_id, network, hour, count, first_at, last_at)
    VALUES (what, organization, person, "from", this_hour, 1, now, now)
    ON CONFLICT (organization_id, person_id, kind, hour, network)
    DO UPDATE SET count = l.count + 1, last_at = greatest(l.last_at, excluded.last_at)
    RETURNING l.count = 1 INTO made;
    IF made THEN
        DELETE FROM secrets.security_log WHERE id IN (
            SELECT l.id FROM secrets.security_log l
            WHERE l.organization_id IS NOT DISTINCT FROM organization AND l.person_id IS NOT DISTINCT FROM person
            ORDER BY l.id DESC OFFSET 1000 FOR UPDATE SKIP LOCKED);
        DELETE FROM secrets.security_log WHERE id IN (
            SELECT l.id FROM secrets.security_log l WHERE l.last_at < now - interval '90 days' LIMIT 100
            FOR UPDATE SKIP LOCKED);
    END IF;
END $$;

-- What the history says by now.
CREATE FUNCTION secrets.security_told(person uuid, what text, since timestamptz) RETURNS void LANGUAGE sql
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    UPDATE secrets.security_log SET told = true WHERE person_id = person AND kind = what AND hour = since;
END;

REVOKE ALL ON FUNCTION secrets.note_security, secrets.security_told FROM PUBLIC;
GRANT EXECUTE ON FUNCTION secrets.note_security, secrets.security_told TO {app};
GRANT SELECT ON secrets.security_log TO {app};
