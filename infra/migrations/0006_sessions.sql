-- Sessions: who is signed in, and the refresh token that goes on with it. Begun, moved and ended by side rows of an append;
-- what happens every few minutes, a token giving way to the next, is no event and goes through secrets.rotate_session.

CREATE TABLE secrets.sessions (
    id uuid PRIMARY KEY,
    person_id uuid NOT NULL,
    organization_id uuid NOT NULL,
    begun_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    used_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at timestamptz,
    -- SHA-256 of the refresh token that is good, and of the one before it; the good one as the one before can open it.
    refresh bytea NOT NULL,
    previous bytea,
    successor bytea,
    rotated_at timestamptz
);
CREATE INDEX sessions_of_a_person ON secrets.sessions (person_id);
CREATE INDEX sessions_ended ON secrets.sessions (ended_at) WHERE ended_at IS NOT NULL;

CREATE FUNCTION secrets.is_alive(s secrets.sessions) RETURNS boolean LANGUAGE sql STABLE
    RETURN s.ended_at IS NULL
        AND s.used_at > clock_timestamp() - interval '30 days' AND s.begun_at > clock_timestamp() - interval '180 days';

-- Those of this person that were over long before are swept; an access token of theirs has expired since.
CREATE FUNCTION ledger.side_session(side jsonb) RETURNS void LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    DELETE FROM secrets.sessions s WHERE s.person_id = (side->>'person_id')::uuid AND NOT secrets.is_alive(s)
        AND coalesce(s.ended_at, s.used_at) < clock_timestamp() - interval '1 day';
    INSERT INTO secrets.sessions (id, person_id, organization_id, refresh)
    VALUES ((side->>'id')::uuid, (side->>'person_id')::uuid, (side->>'organization_id')::uuid,
            decode(side->>'refresh', 'hex'));
END;

CREATE FUNCTION ledger.side_session_moved(side jsonb) RETURNS void LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    UPDATE secrets.sessions SET organization_id = (side->>'organization_id')::uuid WHERE id = (side->>'id')::uuid;
END;

CREATE FUNCTION ledger.side_session_ended(side jsonb) RETURNS void LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    UPDATE secrets.sessions SET ended_at = clock_timestamp(), successor = NULL
    WHERE id = (side->>'id')::uuid AND ended_at IS NULL;
    SELECT pg_notify('sessions', side->>'id');
END;

-- One use of a refresh token. Verdicts: rotated; repeated (the one before, a moment after it was used: `held` is then its
-- successor, as it can open it); reused (a good one no longer); over (there is no such session any more).
CREATE FUNCTION secrets.rotate_session(session uuid, presented bytea, next bytea, sealed bytea)
    RETURNS TABLE (verdict text, person_id uuid, organization_id uuid, held bytea)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    s secrets.sessions%ROWTYPE;
BEGIN
    SELECT * INTO s FROM secrets.sessions k WHERE k.id = session FOR UPDATE;
    IF NOT FOUND OR NOT secrets.is_alive(s) THEN
        RETURN QUERY SELECT 'over', s.person_id, s.organization_id, NULL::bytea;
    ELSIF s.refresh = presented THEN
        UPDATE secrets.sessions k SET refresh = next, previous = presented, successor = sealed,
            rotated_at = clock_timestamp(), used_at = clock_timestamp()
        WHERE k.id = session;
        RETURN QUERY SELECT 'rotated', s.person_id, s.organization_id, NULL::bytea;
    ELSIF s.previous = presented AND s.rotated_at > clock_timestamp() - interval '30 seconds' THEN
        RETURN QUERY SELECT 'repeated', s.person_id, s.organization_id, s.successor;
    ELSE
        RETURN QUERY SELECT 'reused', s.person_id, s.organization_id, NULL::bytea;
    END IF;
END $$;

-- Another refresh token in place of one whose answer was lost, for whoever has just signed in under the same command.
CREATE FUNCTION secrets.renew_session(session uuid, next bytea) RETURNS boolean
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    UPDATE secrets.sessions s SET refresh = next, previous = NULL, successor = NULL, used_at = clock_timestamp()
    WHERE s.id = session AND secrets.is_alive(s) RETURNING true;
END;

REVOKE ALL ON FUNCTION ledger.side_session, ledger.side_session_moved, ledger.side_session_ended,
    secrets.is_alive, secrets.rotate_session, secrets.renew_session FROM PUBLIC;
REVOKE ALL ON secrets.sessions FROM PUBLIC;
GRANT SELECT (id, person_id, organization_id, begun_at, used_at, ended_at) ON secrets.sessions TO {app};
GRANT EXECUTE ON FUNCTION secrets.is_alive, secrets.rotate_session, secrets.renew_session TO {app};
CREATE VIEW secrets.living_sessions AS
    SELECT id, person_id, organization_id, begun_at, used_at FROM secrets.sessions s WHERE secrets.is_alive(s);
GRANT SELECT ON secrets.living_sessions TO {app};
