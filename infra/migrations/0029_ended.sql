-- Whoever takes a session or an API token for good hears of its end, on one channel.

CREATE OR REPLACE FUNCTION ledger.side_session_ended(side jsonb) RETURNS void LANGUAGE sql
    SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    UPDATE secrets.sessions SET ended_at = clock_timestamp(), successor = NULL
    WHERE id = (side->>'id')::uuid AND ended_at IS NULL;
    SELECT pg_notify('ended', side->>'id');
END;

CREATE OR REPLACE FUNCTION ledger.side_api_token_closed(side jsonb) RETURNS void LANGUAGE sql
    SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    DELETE FROM secrets.api_tokens WHERE token_id = (side->>'token_id')::uuid;
    SELECT pg_notify('ended', side->>'token_id');
END;
