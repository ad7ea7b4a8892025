-- Whoever ends all sessions or API tokens of somebody lists them first. What begins in between is none of those: the append
-- is refused, and whoever asked lists them anew.

CREATE FUNCTION ledger.side_sessions_listed(side jsonb) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM FROM secrets.living_sessions s
    WHERE s.person_id = (side->>'person_id')::uuid AND NOT side->'ids' ? s.id::text;
    IF FOUND THEN
        RAISE EXCEPTION 'another session has begun' USING ERRCODE = 'unique_violation';
    END IF;
END $$;

CREATE FUNCTION ledger.side_api_tokens_listed(side jsonb) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM FROM secrets.api_tokens t
    WHERE t.subject = (side->>'subject')::uuid
        AND t.organization_id = coalesce((side->>'organization_id')::uuid, t.organization_id)
        AND NOT side->'ids' ? t.token_id::text;
    IF FOUND THEN
        RAISE EXCEPTION 'there is another API token' USING ERRCODE = 'unique_violation';
    END IF;
END $$;

REVOKE ALL ON FUNCTION ledger.side_sessions_listed, ledger.side_api_tokens_listed FROM PUBLIC;
