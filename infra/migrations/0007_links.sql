-- One-use links: of the token only its digest, beside what it is for.

CREATE TABLE secrets.links (
    digest bytea PRIMARY KEY,
    purpose text NOT NULL,
    subject uuid NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX links_subject ON secrets.links (subject, purpose);
CREATE INDEX links_expired ON secrets.links (expires_at);

-- What expired a month ago makes room: until then whoever follows a link hears that it is too old.
CREATE FUNCTION ledger.side_link(side jsonb) RETURNS void LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    DELETE FROM secrets.links WHERE expires_at < (side->>'opened_at')::timestamptz - interval '30 days';
    INSERT INTO secrets.links
    VALUES (decode(side->>'digest', 'hex'), side->>'purpose', (side->>'subject')::uuid, (side->>'expires_at')::timestamptz);
END;

-- Raises unique_violation where it was used in the meantime: of two that use a link at once, one wins.
CREATE FUNCTION ledger.side_link_used(side jsonb) RETURNS void LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM secrets.links WHERE digest = decode(side->>'digest', 'hex');
    IF NOT FOUND THEN
        RAISE unique_violation USING MESSAGE = 'this link was used';
    END IF;
END $$;

CREATE FUNCTION ledger.side_links_closed(side jsonb) RETURNS void LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    DELETE FROM secrets.links WHERE subject = (side->>'subject')::uuid AND purpose = side->>'purpose';
END;

REVOKE ALL ON FUNCTION ledger.side_link, ledger.side_link_used, ledger.side_links_closed FROM PUBLIC;
GRANT SELECT ON secrets.links TO {app};
