-- The same password under better parameters, for whoever has just signed in by it; of two at once the first one counts.
CREATE FUNCTION secrets.rehash_password(person uuid, known text, better text) RETURNS void LANGUAGE sql
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    UPDATE secrets.passwords SET hash = better WHERE person_id = person AND hash = known;
END;

REVOKE ALL ON FUNCTION secrets.rehash_password FROM PUBLIC;
GRANT EXECUTE ON FUNCTION secrets.rehash_password TO {app};
