-- API tokens: of each that is good its digest, beside whose it is; and when each was last used.

CREATE TABLE secrets.api_tokens (
    digest bytea PRIMARY KEY,
    token_id uuid NOT NULL UNIQUE,
    organization_id uuid NOT NULL,
    subject uuid NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX api_tokens_subject ON secrets.api_tokens (subject, organization_id);
CREATE INDEX api_tokens_expiry ON secrets.api_tokens (expires_at);

-- No history: written beside the requests, once a minute at most.
CREATE TABLE secrets.api_token_uses (
    token_id uuid PRIMARY KEY,
    used_at timestamptz NOT NULL
);

CREATE FUNCTION ledger.side_api_token(side jsonb) RETURNS void LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    INSERT INTO secrets.api_tokens
    VALUES (decode(side->>'digest', 'hex'), (side->>'token_id')::uuid, (side->>'organization_id')::uuid,
            (side->>'subject')::uuid, (side->>'expires_at')::timestamptz);
END;

CREATE FUNCTION ledger.side_api_token_closed(side jsonb) RETURNS void LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    DELETE FROM secrets.api_tokens WHERE token_id = (side->>'token_id')::uuid;
END;

REVOKE ALL ON FUNCTION ledger.side_api_token, ledger.side_api_token_closed FROM PUBLIC;
GRANT SELECT ON secrets.api_tokens TO {app};
GRANT SELECT, INSERT, UPDATE ON secrets.api_token_uses TO {app};
