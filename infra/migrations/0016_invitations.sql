-- Which addresses are invited to what, as HMACs like those of accounts: one pending invitation for each address and target.
-- One that is over has no address any more, and stays here until the key that sealed it is destroyed.

CREATE TABLE secrets.invitations (
    invitation_id uuid PRIMARY KEY,
    digest bytea,
    target_id uuid NOT NULL,
    organization_id uuid NOT NULL,
    inviter_id uuid NOT NULL,
    expires_at timestamptz NOT NULL,
    UNIQUE (target_id, digest)
);
CREATE INDEX invitations_digest ON secrets.invitations (digest);
CREATE INDEX invitations_inviter ON secrets.invitations (inviter_id) WHERE digest IS NOT NULL;
CREATE INDEX invitations_organization ON secrets.invitations (organization_id, digest) WHERE digest IS NOT NULL;
CREATE INDEX invitations_expiry ON secrets.invitations (expires_at) WHERE digest IS NOT NULL;
CREATE INDEX invitations_over ON secrets.invitations (invitation_id) WHERE digest IS NULL;

CREATE FUNCTION ledger.side_invitation(side jsonb) RETURNS void LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    INSERT INTO secrets.invitations
    VALUES ((side->>'invitation_id')::uuid, decode(side->>'digest', 'hex'), (side->>'target_id')::uuid,
            (side->>'organization_id')::uuid, (side->>'inviter_id')::uuid, (side->>'expires_at')::timestamptz);
END;

CREATE FUNCTION ledger.side_invitation_extended(side jsonb) RETURNS void LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    UPDATE secrets.invitations SET expires_at = (side->>'expires_at')::timestamptz
    WHERE invitation_id = (side->>'invitation_id')::uuid AND digest IS NOT NULL;
END;

CREATE FUNCTION ledger.side_invitation_closed(side jsonb) RETURNS void LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    UPDATE secrets.invitations SET digest = NULL WHERE invitation_id = (side->>'invitation_id')::uuid;
END;

-- Once the key of one that is over is gone, nothing is to be done about it any more.
CREATE FUNCTION secrets.forget_invitation(invitation uuid) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    DELETE FROM secrets.invitations WHERE invitation_id = invitation AND digest IS NULL;
END;

REVOKE ALL ON FUNCTION ledger.side_invitation, ledger.side_invitation_extended, ledger.side_invitation_closed,
    secrets.forget_invitation FROM PUBLIC;
GRANT SELECT ON secrets.invitations TO {app};
GRANT EXECUTE ON FUNCTION secrets.forget_invitation TO {app};

-- Asked for when keys are brought back, and when the process that destroys them begins.
CREATE INDEX events_of_invitations_over ON ledger.events (originator_id)
    WHERE topic IN ('invitation.accepted', 'invitation.declined', 'invitation.expired', 'invitation.cancelled');
