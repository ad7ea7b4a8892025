-- The ledger: one table, one position, one chain, one door (ledger.append).
-- Run by the owner. `{app}` is the application's role.

CREATE SCHEMA ledger;
CREATE SCHEMA secrets;

CREATE TABLE ledger.head (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    ledger uuid NOT NULL,
    generation integer NOT NULL,
    position bigint NOT NULL,
    chain bytea NOT NULL,
    recorded_at timestamptz NOT NULL
) WITH (fillfactor = 10);

CREATE TABLE ledger.events (
    originator_id uuid NOT NULL,
    originator_version bigint NOT NULL,
    topic text NOT NULL,
    state bytea NOT NULL,
    notification_id bigint NOT NULL,
    recorded_at timestamptz NOT NULL,
    command_id uuid NOT NULL,
    chain bytea NOT NULL,
    PRIMARY KEY (originator_id, originator_version)
);
ALTER TABLE ledger.events ALTER COLUMN state SET STORAGE EXTERNAL;
CREATE UNIQUE INDEX events_position ON ledger.events (notification_id) INCLUDE (chain);

CREATE TABLE ledger.commands (
    id uuid PRIMARY KEY,
    fingerprint bytea NOT NULL,
    result jsonb NOT NULL,
    position bigint NOT NULL,
    chain bytea NOT NULL,
    recorded_at timestamptz NOT NULL
);

CREATE TABLE secrets.passwords (
    person_id uuid PRIMARY KEY,
    hash text NOT NULL
);

CREATE TABLE secrets.email_index (
    digest bytea PRIMARY KEY,
    normalisation integer NOT NULL,
    person_id uuid NOT NULL
);

CREATE FUNCTION ledger.refuse() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'the ledger is append-only: % is refused', TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON ledger.events FOR EACH ROW EXECUTE FUNCTION ledger.refuse();
CREATE TRIGGER never_truncated BEFORE TRUNCATE ON ledger.events FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse();

-- A field in a hashed record: its length in bytes (int4, big-endian), then its bytes.
CREATE FUNCTION ledger.field(value bytea) RETURNS bytea LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN int4send(octet_length(value)) || value;

CREATE FUNCTION ledger.micros(moment timestamptz) RETURNS bigint LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (extract(epoch FROM moment) * 1000000)::bigint;

CREATE FUNCTION ledger.genesis(of_ledger uuid) RETURNS bytea LANGUAGE sql IMMUTABLE STRICT
    RETURN sha256(ledger.field('vistory/genesis/1'::bytea) || ledger.field(uuid_send(of_ledger)));

-- The link of one event, in the form that ledger.field gives (docs/events.md); lengths that never vary are written out,
-- and the body is one expression, so that the planner can put it where it is used.
CREATE FUNCTION ledger.link(
    of_ledger uuid, previous bytea, at bigint, id uuid, version bigint, topic text, recorded bigint, state bytea
) RETURNS bytea LANGUAGE sql IMMUTABLE
    RETURN sha256(
        '\x0000000f'::bytea || 'vistory/chain/1'::bytea || '\x00000020'::bytea || previous || '\x00000020'::bytea || sha256(
            '\x0000000e'::bytea || 'vistory/leaf/1'::bytea || '\x00000010'::bytea || uuid_send(of_ledger)
            || '\x00000008'::bytea || int8send(at) || '\x00000010'::bytea || uuid_send(id)
            || '\x00000008'::bytea || int8send(version)
            || int4send(octet_length(convert_to(topic, 'UTF8'))) || convert_to(topic, 'UTF8')
            || '\x00000008'::bytea || int8send(recorded) || '\x00000020'::bytea || sha256(state)));

-- What a command writes beside its events. Raises unique_violation where something is taken.
CREATE FUNCTION ledger.write_side(side jsonb) RETURNS void LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    CASE side->>'kind'
        WHEN 'password' THEN
            INSERT INTO secrets.passwords VALUES ((side->>'person_id')::uuid, side->>'hash')
            ON CONFLICT (person_id) DO UPDATE SET hash = excluded.hash;
        WHEN 'email' THEN
            INSERT INTO secrets.email_index
            VALUES (decode(side->>'digest', 'hex'), (side->>'normalisation')::integer, (side->>'person_id')::uuid);
    END CASE;
END $$;

-- The only door. Takes a list of commands and judges each alone; arrays named *_of hold, per row, the index (from 1)
-- of the command that the row belongs to; rows come in the order of commands, events of one aggregate together.
-- Verdicts: accepted, repeated (with fingerprint and result of then), conflict, taken, too_large.
CREATE FUNCTION ledger.append(
    command_ids uuid[], fingerprints bytea[], results jsonb[],
    event_of integer[], event_ids uuid[], event_versions bigint[], event_topics text[], event_states bytea[],
    read_of integer[], read_ids uuid[], read_versions bigint[],
    side_of integer[], sides jsonb[]
) RETURNS TABLE (command integer, verdict text, reached bigint, chain bytea, fingerprint bytea, result jsonb)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    h ledger.head%ROWTYPE;
    seen ledger.commands%ROWTYPE;
    started bigint;
    moment timestamptz;
    micros bigint;
    e integer := 1;
    s integer := 1;
    r integer := 1;
    c integer;
    n integer := coalesce(array_length(event_of, 1), 0);
    reads integer := coalesce(array_length(read_of, 1), 0);
    side_count integer := coalesce(array_length(side_of, 1), 0);
    current bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(7306086);
    SELECT * INTO STRICT h FROM ledger.head;
    started := h.position;
    FOR c IN 1 .. array_length(command_ids, 1) LOOP
        command := c;
        verdict := 'accepted';
        fingerprint := NULL;
        result := NULL;
        SELECT * INTO seen FROM ledger.commands k WHERE k.id = command_ids[c];
        IF FOUND THEN
            verdict := 'repeated';
        END IF;
        WHILE r <= reads AND read_of[r] = command LOOP
            IF verdict = 'accepted' THEN
                SELECT max(v.originator_version) INTO current FROM ledger.events v WHERE v.originator_id = read_ids[r];
                IF coalesce(current, 0) <> read_versions[r] THEN
                    verdict := 'conflict';
                END IF;
            END IF;
            r := r + 1;
        END LOOP;
        FOR i IN e .. n LOOP
            EXIT WHEN event_of[i] <> command;
            EXIT WHEN verdict <> 'accepted';
            IF i > e AND event_ids[i - 1] = event_ids[i] THEN
                current := event_versions[i - 1];
            ELSE
                SELECT max(v.originator_version) INTO current FROM ledger.events v WHERE v.originator_id = event_ids[i];
            END IF;
            IF coalesce(current, 0) + 1 <> event_versions[i] THEN
                verdict := 'conflict';
            ELSIF octet_length(event_states[i]) > 262144 THEN
                verdict := 'too_large';
            END IF;
        END LOOP;
        IF verdict = 'accepted' AND s <= side_count AND side_of[s] = command THEN
            BEGIN
                FOR i IN s .. side_count LOOP
                    EXIT WHEN side_of[i] <> command;
                    PERFORM ledger.write_side(sides[i]);
                END LOOP;
            EXCEPTION WHEN unique_violation THEN
                verdict := 'taken';
            END;
        END IF;
        WHILE s <= side_count AND side_of[s] = command LOOP
            s := s + 1;
        END LOOP;
        IF verdict = 'accepted' THEN
            moment := greatest(clock_timestamp(), h.recorded_at);
            micros := ledger.micros(moment);
            WHILE e <= n AND event_of[e] = command LOOP
                h.position := h.position + 1;
                h.chain := ledger.link(h.ledger, h.chain, h.position, event_ids[e], event_versions[e],
                                       event_topics[e], micros, event_states[e]);
                INSERT INTO ledger.events VALUES (event_ids[e], event_versions[e], event_topics[e], event_states[e],
                                                  h.position, moment, command_ids[command], h.chain);
                e := e + 1;
            END LOOP;
            h.recorded_at := moment;
            reached := h.position;
            chain := h.chain;
            INSERT INTO ledger.commands
            VALUES (command_ids[command], fingerprints[command], results[command], reached, chain, moment);
        ELSE
            WHILE e <= n AND event_of[e] = command LOOP
                e := e + 1;
            END LOOP;
            reached := h.position;
            chain := h.chain;
            IF verdict = 'repeated' THEN
                reached := seen.position;
                chain := seen.chain;
                fingerprint := seen.fingerprint;
                result := seen.result;
            END IF;
        END IF;
        RETURN NEXT;
    END LOOP;
    IF h.position > started THEN
        UPDATE ledger.head t SET position = h.position, chain = h.chain, recorded_at = h.recorded_at;
        PERFORM pg_notify('ledger', h.position::text);
    END IF;
END $$;

REVOKE ALL ON FUNCTION ledger.append, ledger.write_side FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA ledger, secrets FROM PUBLIC;
GRANT USAGE ON SCHEMA ledger, secrets TO {app};
GRANT SELECT ON ledger.head, ledger.events, ledger.commands, secrets.passwords, secrets.email_index TO {app};
GRANT EXECUTE ON FUNCTION ledger.append TO {app};
