-- Who failed at something that is not to be guessed, and until when they wait: one for all processes that answer requests.

-- `key` is an HMAC: of an account, of a network, or of the two together, which is then the first of a caller's keys.
-- Each failure is forgotten by and by: `failures` are those that were not, at the moment `counted_at`.
CREATE TABLE secrets.delays (
    key bytea PRIMARY KEY,
    person_id uuid,
    failures double precision NOT NULL DEFAULT 0,
    counted_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    waits_until timestamptz NOT NULL DEFAULT '-infinity',
    known_until timestamptz NOT NULL DEFAULT '-infinity',
    forgotten_at timestamptz NOT NULL DEFAULT 'infinity'
);
CREATE INDEX delays_forgotten ON secrets.delays (forgotten_at);
CREATE INDEX delays_of_a_person ON secrets.delays (person_id) WHERE person_id IS NOT NULL;
CREATE SEQUENCE secrets.delays_counted;

-- Where an account was proven before, the account is judged from there alone: nobody elsewhere keeps it from its own.
CREATE FUNCTION secrets.judged(keys bytea[]) RETURNS bytea[] LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
    RETURN CASE WHEN EXISTS (SELECT FROM secrets.delays WHERE key = keys[1] AND known_until > clock_timestamp())
        THEN keys[1:1] ELSE keys END;

-- In seconds.
CREATE FUNCTION secrets.delay(keys bytea[]) RETURNS double precision LANGUAGE sql STABLE
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    RETURN (SELECT greatest(0, coalesce(extract(epoch FROM max(waits_until) - clock_timestamp()), 0))
        FROM secrets.delays WHERE key = ANY (secrets.judged(keys)));

-- What is forgotten goes; of more than `most`, those that failed least: whoever comes under many names gets nobody
-- forgotten who failed much.
CREATE FUNCTION secrets.sweep_delays(most integer) RETURNS void LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    DELETE FROM secrets.delays WHERE key IN (
        SELECT key FROM secrets.delays WHERE forgotten_at < clock_timestamp() LIMIT 1000 FOR UPDATE SKIP LOCKED);
    DELETE FROM secrets.delays WHERE key IN (
        SELECT key FROM secrets.delays WHERE known_until < clock_timestamp() ORDER BY failures, counted_at
        LIMIT greatest(0, (SELECT count(*) FROM secrets.delays) - most) FOR UPDATE SKIP LOCKED);
END;

-- Counted as a failure before it is known to be one, so that of many at once no more are let through than one by one.
-- Answers 0, or in how many seconds to come again; who is not let through is not counted.
CREATE FUNCTION secrets.count_try(keys bytea[], free integer[], first double precision[], most double precision[])
    RETURNS double precision LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    wait double precision := secrets.delay(keys);
BEGIN
    IF wait > 0 THEN
        RETURN wait;
    END IF;
    PERFORM set_config('synchronous_commit', 'off', true);
    INSERT INTO secrets.delays (key) SELECT key FROM unnest(secrets.judged(keys)) key ORDER BY key
    ON CONFLICT DO NOTHING;
    PERFORM FROM secrets.delays WHERE key = ANY (keys) ORDER BY key FOR UPDATE;
    wait := secrets.delay(keys);
    IF wait > 0 THEN
        RETURN wait;
    END IF;
    UPDATE secrets.delays d SET failures = n.failures, counted_at = clock_timestamp(),
        waits_until = clock_timestamp() + make_interval(secs => CASE WHEN round(n.failures) < n.free THEN 0
            ELSE least(n.most, n.first * 2 ^ least(30, round(n.failures) - n.free)) END),
        forgotten_at = greatest(d.known_until, clock_timestamp() + make_interval(secs => n.failures * n.most))
    FROM (SELECT k.*, 1 + greatest(0, o.failures
            - extract(epoch FROM clock_timestamp() - o.counted_at)::double precision / k.most) AS failures
        FROM unnest(keys, free, first, most) k(key, free, first, most) JOIN secrets.delays o USING (key)
        WHERE key = ANY (secrets.judged(keys))) n
    WHERE d.key = n.key;
    IF nextval('secrets.delays_counted') % 64 = 0 THEN
        PERFORM secrets.sweep_delays(100000);
    END IF;
    RETURN 0;
END $$;

-- It was none: what this account failed from this network is forgotten, wherever it was counted. Of an account so many
-- networks are known, those where it was proven last.
CREATE FUNCTION secrets.forgive(keys bytea[], free integer[], person uuid) RETURNS void LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    counted bytea[] := secrets.judged(keys);
    own double precision;
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    INSERT INTO secrets.delays (key) VALUES (keys[1]) ON CONFLICT DO NOTHING;
    PERFORM FROM secrets.delays WHERE key = ANY (keys) ORDER BY key FOR UPDATE;
    SELECT failures INTO own FROM secrets.delays WHERE key = keys[1];
    UPDATE secrets.delays d SET failures = greatest(0, d.failures - own),
        waits_until = CASE WHEN round(d.failures - own) < k.free THEN '-infinity' ELSE d.waits_until END
    FROM unnest(keys, free) k(key, free) WHERE d.key = k.key AND d.key = ANY (counted);
    UPDATE secrets.delays SET person_id = person, known_until = clock_timestamp() + interval '90 days',
        forgotten_at = clock_timestamp() + interval '90 days'
    WHERE key = keys[1];
    DELETE FROM secrets.delays WHERE key IN (
        SELECT key FROM secrets.delays WHERE person_id = person ORDER BY known_until DESC OFFSET 40);
END $$;

REVOKE ALL ON FUNCTION secrets.judged, secrets.delay, secrets.sweep_delays, secrets.count_try, secrets.forgive FROM PUBLIC;
REVOKE ALL ON secrets.delays, secrets.delays_counted FROM PUBLIC;
GRANT EXECUTE ON FUNCTION secrets.delay, secrets.count_try, secrets.forgive TO {app};
