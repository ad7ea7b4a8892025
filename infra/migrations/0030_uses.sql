-- Whose use it was stands beside it, so that it goes with the person; of tokens that were over by then nobody can tell.

ALTER TABLE secrets.api_token_uses ADD COLUMN subject uuid;
UPDATE secrets.api_token_uses u SET subject = t.subject FROM secrets.api_tokens t WHERE t.token_id = u.token_id;
DELETE FROM secrets.api_token_uses WHERE subject IS NULL;
ALTER TABLE secrets.api_token_uses ALTER COLUMN subject SET NOT NULL;
CREATE INDEX api_token_uses_subject ON secrets.api_token_uses (subject);
