-- A sign-in that is repeated is told that its tokens were shown: no session gets another first token.
DROP FUNCTION secrets.renew_session(uuid, bytea);
