-- The journal's functions, first part: arithmetic, leases, the book and its trading states.
--
-- Locks are taken in one order everywhere: lease, trading states, account, orders. The functions say the same as the
-- in-memory model; both are held equal by the same random commands.

-- Arithmetic ---------------------------------------------------------------------------------------------------------

-- Half to even at the ninth decimal; `round` goes away from zero, which differs on a tie only.
CREATE FUNCTION round_half_even(value numeric) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE
    WHEN abs(value - trunc(value, 9)) = 0.0000000005 AND (trunc(value, 9) * 1000000000) % 2 = 0 THEN trunc(value, 9)
    ELSE round(value, 9)
  END
$$;

-- What an order may use in the worst case: rounded up.
CREATE FUNCTION worst_notional(price numeric, quantity numeric) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$
  SELECT ceil(price * quantity * 1000000000) * 0.000000001
$$;

-- amount × part / whole, half to even at the ninth decimal; `part` and `whole` positive. In integers: numeric division
-- would round by itself.
CREATE FUNCTION share_of(amount numeric, part numeric, whole numeric) RETURNS numeric LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  n numeric := abs(amount) * 1000000000 * (part * 1000000000);
  d numeric := whole * 1000000000;
  q numeric := div(n, d);
  r numeric := n - q * d;
BEGIN
  IF r * 2 > d OR (r * 2 = d AND q % 2 = 1) THEN
    q := q + 1;
  END IF;
  RETURN sign(amount) * q * 0.000000001;
END $$;

-- What leaves the database: decimals as text, times as integers ---------------------------------------------------------

CREATE FUNCTION epoch_ms(at timestamptz) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
  SELECT floor(extract(epoch FROM at) * 1000)::bigint
$$;

CREATE FUNCTION order_json(o orders) RETURNS jsonb LANGUAGE sql STABLE AS $$
  SELECT jsonb_build_object(
    'clientOrderId', o.client_order_id, 'brokerOrderId', o.broker_order_id, 'instanceId', o.instance_id,
    'symbol', o.symbol, 'side', o.side, 'type', o.type, 'timeInForce', o.time_in_force,
    'quantity', o.quantity::text, 'limitPrice', o.limit_price::text, 'stopPrice', o.stop_price::text,
    'worstPrice', o.worst_price::text, 'state', o.state, 'cancelRequested', o.cancel_requested,
    'filledQuantity', o.filled_quantity::text, 'filledNotional', o.filled_notional::text,
    'trigger', o.trigger_key, 'reason', o.reason, 'midAtDecision', o.mid_at_decision::text,
    'decidedAtUs', o.decided_at_us, 'createdAtMs', epoch_ms(o.created_at), 'updatedAtMs', epoch_ms(o.updated_at),
    'rejectCode', o.reject_code, 'rejectMessage', o.reject_message)
$$;

CREATE FUNCTION position_json(p positions) RETURNS jsonb LANGUAGE sql STABLE AS $$
  SELECT jsonb_build_object('instanceId', p.instance_id, 'symbol', p.symbol, 'quantity', p.quantity::text,
    'cost', p.cost::text, 'realised', p.realised::text, 'fees', p.fees::text)
$$;

-- A failure that the program knows by name: everything in the transaction is taken back.
CREATE FUNCTION journal_fail(code text, subject text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION USING ERRCODE = 'ATB01', MESSAGE = code, DETAIL = subject;
END $$;

-- Leases -------------------------------------------------------------------------------------------------------------

CREATE FUNCTION server_timeline() RETURNS bigint LANGUAGE sql STABLE AS $$
  SELECT ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::bigint
$$;

CREATE FUNCTION journal_check_fence(p_owner text, p_generation bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  l lease;
BEGIN
  -- Shared: until this transaction ends nobody can take the lease over.
  SELECT * INTO l FROM lease FOR SHARE;
  IF l.owner IS DISTINCT FROM p_owner OR l.generation <> p_generation OR l.expires_at <= clock_timestamp()
     OR l.generation >> 32 <> server_timeline() THEN
    PERFORM journal_fail('FENCED', p_owner);
  END IF;
END $$;

-- The generation now held and whether nobody's orders may still be on their way, or null while another's lease lives.
CREATE FUNCTION journal_acquire_lease(p_owner text, p_ttl_ms double precision) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  l lease;
  v_timeline bigint := server_timeline();
  v_live boolean;
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
  IF NOT v_live THEN
    l.generation := greatest(l.generation, v_timeline << 32) + 1;
  END IF;
  UPDATE lease SET owner = p_owner, generation = l.generation,
    expires_at = clock_timestamp() + p_ttl_ms * interval '1 millisecond';
  RETURN jsonb_build_object('generation', l.generation::text, 'clean', l.owner IS NULL OR l.owner = p_owner);
END $$;

CREATE FUNCTION journal_release_lease(p_owner text, p_generation bigint) RETURNS void LANGUAGE sql AS $$
  UPDATE lease SET owner = NULL WHERE owner = p_owner AND generation = p_generation
$$;

-- The book -----------------------------------------------------------------------------------------------------------

CREATE FUNCTION journal_bind(p_broker_account_id text, p_mode text, p_opening_cash numeric) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
  a account;
BEGIN
  SELECT * INTO a FROM account FOR UPDATE;
  IF a.broker_account_id IS NULL THEN
    UPDATE account SET broker_account_id = p_broker_account_id, mode = p_mode, opening_cash = p_opening_cash,
      cash = p_opening_cash, bound_at = clock_timestamp() RETURNING * INTO a;
    PERFORM audit_append('system', 'bind', p_broker_account_id, p_mode);
  END IF;
  RETURN jsonb_build_object('bookId', a.book_id, 'brokerAccountId', a.broker_account_id, 'mode', a.mode);
END $$;

CREATE FUNCTION journal_load() RETURNS jsonb LANGUAGE sql STABLE AS $$
  SELECT jsonb_build_object(
    'bookId', a.book_id, 'cash', a.cash::text, 'openingCash', a.opening_cash::text,
    'lastExecutionTimeUs', a.last_execution_us,
    'openOrders', (SELECT coalesce(jsonb_agg(order_json(o) ORDER BY o.seq), '[]') FROM orders o
      WHERE o.state IN ('journalled', 'sending', 'unknown', 'accepted', 'partially_filled')),
    'positions', (SELECT coalesce(jsonb_agg(position_json(p) ORDER BY p.instance_id, p.symbol), '[]') FROM positions p),
    'instances', (SELECT coalesce(jsonb_agg(jsonb_build_object('instanceId', i.instance_id,
      'fingerprint', i.fingerprint, 'snapshot', encode(i.snapshot, 'base64'), 'snapshotTimeUs', i.snapshot_time_us,
      'lastTrigger', i.last_trigger) ORDER BY i.instance_id), '[]') FROM instance_states i),
    'tradingStates', (SELECT jsonb_object_agg(t.scope, t.state) FROM trading_states t))
  FROM account a
$$;

CREATE FUNCTION journal_set_trading_state(p_scope text, p_state text, p_actor text, p_reason text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  -- Waits for the commits under way; those that come after see the new state.
  PERFORM 1 FROM trading_states WHERE scope = 'account' FOR UPDATE;
  INSERT INTO trading_states (scope, state, actor, reason) VALUES (p_scope, p_state, p_actor, p_reason)
    ON CONFLICT (scope) DO UPDATE SET state = excluded.state, actor = excluded.actor, reason = excluded.reason,
      changed_at = clock_timestamp();
  PERFORM audit_append(p_actor, 'trading_state', p_scope, p_state || ': ' || p_reason);
END $$;
