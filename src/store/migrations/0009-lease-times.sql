-- How long nobody traded, by this server's clock alone: the lease's row remembers when its last owner is known to have
-- traded. An older release goes on with the same calls and reads no more of the answer than before.

ALTER TABLE lease ADD COLUMN traded_at timestamptz;

CREATE OR REPLACE FUNCTION journal_acquire_lease(p_owner text, p_ttl_ms double precision) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
  l lease;
  v_timeline bigint := server_timeline();
  v_live boolean;
  v_untraded_ms double precision;
BEGIN
  -- A standby that polls must not stand in the way of the owner's transactions.
  SELECT * INTO l FROM lease;
  IF l.owner <> p_owner AND l.expires_at > clock_timestamp() AND l.generation >> 32 = v_timeline THEN
    RETURN NULL;
  END IF;
  SELECT * INTO l FROM lease FOR UPDATE;
  v_live := l.owner IS NOT NULL AND l.expires_at > clock_timestamp() AND l.generation >> 32 = v_timeline;
  IF v_live AND l.owner <> p_owner THEN
    RETURN NULL;
  END IF;
  IF v_live THEN
    l.traded_at := clock_timestamp();
  ELSE
    l.generation := greatest(l.generation, v_timeline << 32) + 1;
    -- Null where nobody has traded yet, which greatest() would pass over.
    v_untraded_ms := extract(epoch FROM clock_timestamp() - l.traded_at) * 1000;
    v_untraded_ms := CASE WHEN v_untraded_ms < 0 THEN 0 ELSE v_untraded_ms END;
  END IF;
  UPDATE lease SET owner = p_owner, generation = l.generation, traded_at = l.traded_at,
    expires_at = clock_timestamp() + p_ttl_ms * interval '1 millisecond';
  RETURN jsonb_build_object('generation', l.generation::text, 'clean', l.owner IS NULL OR l.owner = p_owner,
    'untradedMs', v_untraded_ms);
END $$;

-- For an owner that has not traded any more for so many milliseconds.
CREATE FUNCTION journal_release_lease(p_owner text, p_generation bigint, p_untraded_ms double precision) RETURNS void
LANGUAGE sql AS $$
  UPDATE lease SET owner = NULL, traded_at = clock_timestamp() - p_untraded_ms * interval '1 millisecond'
    WHERE owner = p_owner AND generation = p_generation
$$;
