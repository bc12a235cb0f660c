-- The journal: the durable truth of the order path. Tables first, then one function per operation of the journal port.
--
-- Locks are taken in one order everywhere: lease, trading states, account, orders. Money is numeric with nine decimals
-- within the range of a signed 64-bit integer of billionths, as the program holds it; no float touches it.
-- The functions say the same as the in-memory model; both are held equal by the same random commands.

CREATE DOMAIN fixed AS numeric(28, 9)
  CHECK (VALUE BETWEEN -9223372036.854775808 AND 9223372036.854775807);

CREATE DOMAIN label AS text COLLATE "C" CHECK (length(VALUE) BETWEEN 1 AND 256);

-- One row: the book, made with the database so that a new database never repeats an order id.
CREATE TABLE account (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  book_id uuid NOT NULL DEFAULT gen_random_uuid(),
  broker_account_id text,
  mode text CHECK (mode IN ('simulated', 'paper', 'live')),
  opening_cash fixed NOT NULL DEFAULT 0,
  cash fixed NOT NULL DEFAULT 0,
  last_execution_us bigint NOT NULL DEFAULT 0,
  bound_at timestamptz
);
INSERT INTO account DEFAULT VALUES;

-- One row. The upper bits of the generation are the server's timeline: a promoted standby voids every lease.
CREATE TABLE lease (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  owner text,
  generation bigint NOT NULL DEFAULT 0,
  expires_at timestamptz NOT NULL DEFAULT 'epoch'
);
INSERT INTO lease DEFAULT VALUES;

-- The row 'account' always exists: it is the lock that orders halts against commits.
CREATE TABLE trading_states (
  scope label PRIMARY KEY,
  state text NOT NULL CHECK (state IN ('active', 'reducing', 'halted')),
  actor text NOT NULL,
  reason text NOT NULL,
  changed_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO trading_states (scope, state, actor, reason) VALUES ('account', 'active', 'system', 'the book was made');

CREATE TABLE orders (
  seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  client_order_id label NOT NULL UNIQUE,
  broker_order_id text,
  instance_id label NOT NULL,
  symbol label NOT NULL,
  side text NOT NULL CHECK (side IN ('buy', 'sell')),
  type text NOT NULL CHECK (type IN ('market', 'limit', 'stop', 'stop_limit', 'trailing_stop')),
  time_in_force text NOT NULL CHECK (time_in_force IN ('day', 'gtc', 'ioc', 'fok', 'opg', 'cls')),
  quantity fixed NOT NULL CHECK (quantity > 0),
  limit_price fixed,
  stop_price fixed,
  worst_price fixed NOT NULL,
  reducing boolean NOT NULL,
  state text NOT NULL DEFAULT 'journalled' CHECK (state IN ('journalled', 'sending', 'unknown', 'accepted',
    'partially_filled', 'filled', 'canceled', 'expired', 'rejected')),
  cancel_requested boolean NOT NULL DEFAULT false,
  filled_quantity fixed NOT NULL DEFAULT 0,
  filled_notional fixed NOT NULL DEFAULT 0,
  trigger_key text NOT NULL,
  reason text NOT NULL,
  mid_at_decision fixed,
  decided_at_us bigint NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  reject_code text,
  reject_message text,
  CHECK (filled_quantity BETWEEN 0 AND quantity)
);
CREATE INDEX orders_open ON orders (symbol) WHERE state IN ('journalled', 'sending', 'unknown', 'accepted', 'partially_filled');
CREATE INDEX orders_broker ON orders (broker_order_id) WHERE broker_order_id IS NOT NULL;

CREATE VIEW open_orders AS
  SELECT * FROM orders WHERE state IN ('journalled', 'sending', 'unknown', 'accepted', 'partially_filled');

CREATE TABLE executions (
  seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  execution_id label NOT NULL UNIQUE,
  client_order_id label NOT NULL REFERENCES orders (client_order_id),
  instance_id label NOT NULL,
  symbol label NOT NULL,
  side text NOT NULL,
  quantity fixed NOT NULL,
  price fixed NOT NULL,
  notional fixed NOT NULL,
  fee fixed NOT NULL,
  fee_quantity fixed NOT NULL,
  realised fixed NOT NULL,
  -- Whether it closed some of a position; a round trip ends when the position is flat again or has turned.
  closing boolean NOT NULL,
  position_after fixed NOT NULL,
  -- Against the mid at the decision; positive is worse. A statistic, therefore a float.
  slippage_bps double precision,
  venue_time_us bigint NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX executions_order ON executions (client_order_id);
CREATE INDEX executions_symbol ON executions (symbol, seq);

CREATE TABLE positions (
  instance_id label NOT NULL,
  symbol label NOT NULL,
  quantity fixed NOT NULL DEFAULT 0,
  cost fixed NOT NULL DEFAULT 0,
  realised fixed NOT NULL DEFAULT 0,
  fees fixed NOT NULL DEFAULT 0,
  PRIMARY KEY (instance_id, symbol)
);

CREATE TABLE instance_states (
  instance_id label PRIMARY KEY,
  fingerprint text NOT NULL,
  snapshot bytea NOT NULL,
  snapshot_time_us bigint NOT NULL,
  last_trigger text NOT NULL,
  stored_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE refusals (
  seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  client_order_id text NOT NULL,
  instance_id text NOT NULL,
  symbol text NOT NULL,
  code text NOT NULL,
  intent jsonb NOT NULL,
  refused_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- What people and programs commanded. Each row's hash covers the row before it, so that a change in the middle shows.
CREATE TABLE audit (
  seq bigint PRIMARY KEY,
  at_ms bigint NOT NULL,
  actor text NOT NULL,
  action text NOT NULL,
  subject text NOT NULL,
  detail text NOT NULL,
  hash bytea NOT NULL
);

CREATE FUNCTION audit_hash(before bytea, seq bigint, at_ms bigint, actor text, action text, subject text, detail text)
RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
  SELECT sha256(before || convert_to(jsonb_build_array(seq, at_ms, actor, action, subject, detail)::text, 'UTF8'))
$$;

CREATE FUNCTION audit_append(p_actor text, p_action text, p_subject text, p_detail text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  v_seq bigint := 1;
  v_before bytea := '';
  v_at bigint;
BEGIN
  PERFORM pg_advisory_xact_lock(7205347);
  SELECT a.seq + 1, a.hash INTO v_seq, v_before FROM audit a ORDER BY a.seq DESC LIMIT 1;
  v_seq := coalesce(v_seq, 1);
  v_before := coalesce(v_before, '');
  v_at := floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint;
  INSERT INTO audit VALUES (v_seq, v_at, p_actor, p_action, p_subject, p_detail,
    audit_hash(v_before, v_seq, v_at, p_actor, p_action, p_subject, p_detail));
END $$;

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

-- Intents ------------------------------------------------------------------------------------------------------------

CREATE TYPE journal_intent AS (
  "clientOrderId" text, "instanceId" text, symbol text, side text, type text, "timeInForce" text, quantity numeric,
  "limitPrice" numeric, "stopPrice" numeric, "worstPrice" numeric, reducing boolean, trigger text, reason text,
  "midAtDecision" numeric, "decidedAtUs" bigint, snapshot text, "snapshotTimeUs" bigint, fingerprint text
);

-- Alpaca's wash-trade rule against every open order of the other side.
CREATE FUNCTION journal_self_trades(i journal_intent) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT i.type <> 'trailing_stop' AND EXISTS (
    SELECT 1 FROM open_orders o
    WHERE o.symbol = i.symbol AND o.side <> i.side AND o.type <> 'trailing_stop'
      AND (i."limitPrice" IS NULL OR o.limit_price IS NULL
        OR CASE WHEN i.side = 'buy' THEN i."limitPrice" >= o.limit_price ELSE o.limit_price >= i."limitPrice" END))
$$;

CREATE FUNCTION journal_limit_exceeded(i journal_intent, p_limits jsonb, p_cash numeric) RETURNS text
LANGUAGE plpgsql STABLE AS $$
DECLARE
  v_notional numeric := worst_notional(i."worstPrice", i.quantity);
  v_position numeric;
  v_pending numeric;
  v_held numeric;
  v_shorts numeric;
  v_reserved numeric;
  v_open bigint;
BEGIN
  IF v_notional > (p_limits ->> 'maxOrderNotional')::numeric THEN
    RETURN 'MAX_ORDER_NOTIONAL';
  END IF;
  SELECT coalesce(sum(abs(cost)), 0), coalesce(sum(CASE WHEN cost < 0 THEN -cost ELSE 0 END), 0),
         coalesce(sum(CASE WHEN symbol = i.symbol THEN quantity ELSE 0 END), 0)
    INTO v_held, v_shorts, v_position FROM positions;
  SELECT coalesce(sum(CASE WHEN symbol = i.symbol AND side = i.side THEN quantity - filled_quantity ELSE 0 END), 0),
         coalesce(sum(CASE WHEN reducing THEN 0 ELSE worst_notional(worst_price, quantity - filled_quantity) END), 0),
         count(*)
    INTO v_pending, v_reserved, v_open FROM open_orders;
  v_pending := v_pending + i.quantity;
  IF i.side = 'sell' THEN
    v_pending := -v_pending;
  END IF;
  IF worst_notional(i."worstPrice", abs(v_position + v_pending)) > (p_limits ->> 'maxSymbolNotional')::numeric THEN
    RETURN 'MAX_SYMBOL_NOTIONAL';
  ELSIF v_held + v_reserved + v_notional > (p_limits ->> 'maxGrossNotional')::numeric THEN
    RETURN 'MAX_GROSS_NOTIONAL';
  ELSIF v_open >= (p_limits ->> 'maxOpenOrders')::bigint THEN
    RETURN 'MAX_OPEN_ORDERS';
  ELSIF v_reserved + v_notional > p_cash - 2 * v_shorts THEN
    RETURN 'BUYING_POWER';
  END IF;
  RETURN NULL;
END $$;

-- The first check that the intent fails, or null.
CREATE FUNCTION journal_refusal(i journal_intent, p_limits jsonb, p_cash numeric) RETURNS text
LANGUAGE plpgsql STABLE AS $$
DECLARE
  v_halted boolean;
  v_reducing boolean;
BEGIN
  SELECT coalesce(bool_or(state = 'halted'), false), coalesce(bool_or(state = 'reducing'), false)
    INTO v_halted, v_reducing FROM trading_states
    WHERE scope IN ('account', 'instance:' || i."instanceId", 'symbol:' || i.symbol);
  IF v_halted THEN
    RETURN 'TRADING_HALTED';
  ELSIF v_reducing AND NOT i.reducing THEN
    RETURN 'TRADING_REDUCING';
  ELSIF NOT i.reducing AND EXISTS (SELECT 1 FROM open_orders o WHERE o.symbol = i.symbol AND o.state = 'unknown') THEN
    RETURN 'UNKNOWN_ORDER';
  ELSIF journal_self_trades(i) THEN
    RETURN 'SELF_TRADE';
  ELSIF i.reducing THEN
    RETURN NULL;
  END IF;
  RETURN journal_limit_exceeded(i, p_limits, p_cash);
END $$;

CREATE FUNCTION journal_insert(i journal_intent) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO orders (client_order_id, instance_id, symbol, side, type, time_in_force, quantity, limit_price,
      stop_price, worst_price, reducing, trigger_key, reason, mid_at_decision, decided_at_us)
    VALUES (i."clientOrderId", i."instanceId", i.symbol, i.side, i.type, i."timeInForce", i.quantity, i."limitPrice",
      i."stopPrice", i."worstPrice", i.reducing, i.trigger, i.reason, i."midAtDecision", i."decidedAtUs");
  IF i.snapshot IS NOT NULL THEN
    INSERT INTO instance_states (instance_id, fingerprint, snapshot, snapshot_time_us, last_trigger)
      VALUES (i."instanceId", i.fingerprint, decode(i.snapshot, 'base64'), i."snapshotTimeUs", i.trigger)
      ON CONFLICT (instance_id) DO UPDATE SET fingerprint = excluded.fingerprint, snapshot = excluded.snapshot,
        snapshot_time_us = excluded.snapshot_time_us, last_trigger = excluded.last_trigger, stored_at = now();
  END IF;
END $$;

CREATE FUNCTION journal_commit_one(i journal_intent, p_item jsonb, p_limits jsonb, p_cash numeric) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
  o orders;
  v_code text;
BEGIN
  SELECT * INTO o FROM orders WHERE client_order_id = i."clientOrderId";
  IF FOUND THEN
    IF (o.instance_id, o.symbol, o.side, o.type, o.time_in_force, o.quantity, o.limit_price, o.stop_price, o.trigger_key)
       IS NOT DISTINCT FROM (i."instanceId", i.symbol, i.side, i.type, i."timeInForce", i.quantity, i."limitPrice",
       i."stopPrice", i.trigger) THEN
      RETURN jsonb_build_object('kind', 'duplicate', 'state', o.state);
    END IF;
    v_code := 'ID_CONTENT_MISMATCH';
  ELSE
    v_code := journal_refusal(i, p_limits, p_cash);
  END IF;
  IF v_code IS NULL THEN
    PERFORM journal_insert(i);
    RETURN jsonb_build_object('kind', 'committed');
  END IF;
  INSERT INTO refusals (client_order_id, instance_id, symbol, code, intent)
    VALUES (i."clientOrderId", i."instanceId", i.symbol, v_code, p_item - 'snapshot');
  RETURN jsonb_build_object('kind', 'refused', 'code', v_code);
END $$;

CREATE FUNCTION journal_commit(p_owner text, p_generation bigint, p_intents jsonb, p_limits jsonb) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
  v_cash numeric;
  v_item jsonb;
  v_outcomes jsonb[] := '{}';
BEGIN
  IF p_owner IS NOT NULL THEN
    PERFORM journal_check_fence(p_owner, p_generation);
  ELSIF EXISTS (SELECT 1 FROM jsonb_array_elements(p_intents) e WHERE e ->> 'instanceId' <> 'manual') THEN
    PERFORM journal_fail('FENCED', 'no fence');
  END IF;
  PERFORM 1 FROM trading_states WHERE scope = 'account' FOR UPDATE;
  SELECT cash INTO v_cash FROM account FOR UPDATE;
  FOR v_item IN SELECT e.value FROM jsonb_array_elements(p_intents) WITH ORDINALITY e ORDER BY e.ordinality LOOP
    v_outcomes := v_outcomes
      || journal_commit_one(jsonb_populate_record(NULL::journal_intent, v_item), v_item, p_limits, v_cash);
  END LOOP;
  RETURN to_jsonb(v_outcomes);
END $$;

CREATE FUNCTION journal_pending_manual() RETURNS jsonb LANGUAGE sql STABLE AS $$
  SELECT coalesce(jsonb_agg(order_json(o) ORDER BY o.seq), '[]') FROM orders o
  WHERE o.state IN ('journalled', 'sending', 'unknown', 'accepted', 'partially_filled')
    AND o.state = 'journalled' AND o.instance_id = 'manual'
$$;

-- Orders -------------------------------------------------------------------------------------------------------------

CREATE FUNCTION is_open(state text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT state IN ('journalled', 'sending', 'unknown', 'accepted', 'partially_filled')
$$;

-- A state may follow itself; `filled` only once every fill is here; what was proven accepted is never unknown again.
CREATE FUNCTION is_legal_change(o orders, p_state text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE
    WHEN p_state IS NULL OR p_state = o.state THEN true
    WHEN NOT is_open(o.state) THEN false
    WHEN p_state = 'filled' AND o.filled_quantity < o.quantity THEN false
    WHEN NOT is_open(p_state) THEN true
    WHEN p_state = 'sending' THEN o.state = 'journalled'
    WHEN p_state = 'unknown' THEN o.state IN ('journalled', 'sending')
    WHEN p_state = 'accepted' THEN o.state IN ('journalled', 'sending', 'unknown')
    WHEN p_state = 'partially_filled' THEN true
    ELSE false
  END
$$;

CREATE TYPE journal_change AS (
  "clientOrderId" text, state text, "brokerOrderId" text, "cancelRequested" boolean, "rejectCode" text, "rejectMessage" text
);

CREATE FUNCTION journal_change_one(c journal_change) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  o orders;
  v_open boolean;
  v_legal boolean;
BEGIN
  SELECT * INTO o FROM orders WHERE client_order_id = c."clientOrderId" FOR UPDATE;
  IF NOT FOUND THEN
    PERFORM journal_fail('ORDER_NOT_FOUND', c."clientOrderId");
  END IF;
  v_open := is_open(o.state);
  v_legal := is_legal_change(o, c.state);
  UPDATE orders SET
      broker_order_id = coalesce(broker_order_id, c."brokerOrderId"),
      cancel_requested = cancel_requested OR (v_open AND coalesce(c."cancelRequested", false)),
      state = CASE WHEN v_open AND v_legal THEN coalesce(c.state, state) ELSE state END,
      reject_code = CASE WHEN v_open AND v_legal THEN coalesce(c."rejectCode", reject_code) ELSE reject_code END,
      reject_message = CASE WHEN v_open AND v_legal THEN coalesce(c."rejectMessage", reject_message) ELSE reject_message END,
      updated_at = clock_timestamp()
    WHERE seq = o.seq RETURNING * INTO o;
  RETURN jsonb_build_object('order', order_json(o), 'legal', v_legal);
END $$;

CREATE FUNCTION journal_transition(p_owner text, p_generation bigint, p_changes jsonb) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
  v_item jsonb;
  v_results jsonb[] := '{}';
BEGIN
  PERFORM journal_check_fence(p_owner, p_generation);
  PERFORM 1 FROM account FOR UPDATE;
  FOR v_item IN SELECT e.value FROM jsonb_array_elements(p_changes) WITH ORDINALITY e ORDER BY e.ordinality LOOP
    v_results := v_results || journal_change_one(jsonb_populate_record(NULL::journal_change, v_item));
  END LOOP;
  RETURN to_jsonb(v_results);
END $$;

CREATE FUNCTION journal_request_cancel(p_client_order_id text) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  o orders;
BEGIN
  UPDATE orders SET cancel_requested = true, updated_at = clock_timestamp()
    WHERE client_order_id = p_client_order_id AND is_open(state);
  SELECT * INTO o FROM orders WHERE client_order_id = p_client_order_id;
  RETURN CASE WHEN FOUND THEN order_json(o) END;
END $$;

-- Executions ---------------------------------------------------------------------------------------------------------

CREATE TYPE journal_execution AS (
  "executionId" text, "clientOrderId" text, symbol text, side text, quantity numeric, price numeric, fee numeric,
  "feeQuantity" numeric, "venueTimeUs" bigint
);

-- The position after a signed change of quantity for a signed notional, at average cost.
CREATE FUNCTION move_at_average_cost(p positions, p_change numeric, p_notional numeric) RETURNS positions
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  v_closed numeric;
  v_released numeric;
  v_closed_notional numeric;
BEGIN
  IF p.quantity = 0 OR sign(p.quantity) = sign(p_change) THEN
    p.cost := p.cost + p_notional;
  ELSE
    v_closed := least(abs(p.quantity), abs(p_change));
    v_released := share_of(p.cost, v_closed, abs(p.quantity));
    v_closed_notional := share_of(p_notional, v_closed, abs(p_change));
    p.realised := p.realised - v_closed_notional - v_released;
    p.cost := p.cost - v_released + (p_notional - v_closed_notional);
  END IF;
  p.quantity := p.quantity + p_change;
  RETURN p;
END $$;

CREATE FUNCTION journal_check_execution(e journal_execution, o orders) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF e.symbol <> o.symbol THEN
    PERFORM journal_fail('EXECUTION_MISMATCH', e."executionId" || E'\nsymbol');
  ELSIF e.side <> o.side THEN
    PERFORM journal_fail('EXECUTION_MISMATCH', e."executionId" || E'\nside');
  END IF;
END $$;

CREATE FUNCTION journal_apply_one(e journal_execution) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  o orders;
  p positions;
  v_before positions;
  v_sign numeric := CASE e.side WHEN 'buy' THEN 1 ELSE -1 END;
  v_change numeric := v_sign * e.quantity - e."feeQuantity";
  v_traded numeric := round_half_even(e.price * e.quantity);
  v_kept numeric := round_half_even(e.price * abs(v_change));
  v_realised numeric := 0;
  v_first boolean;
BEGIN
  SELECT * INTO o FROM orders WHERE client_order_id = e."clientOrderId" FOR UPDATE;
  IF NOT FOUND THEN
    PERFORM journal_fail('ORDER_NOT_FOUND', e."clientOrderId");
  END IF;
  PERFORM journal_check_execution(e, o);
  v_first := NOT EXISTS (SELECT 1 FROM executions x WHERE x.execution_id = e."executionId");
  SELECT * INTO p FROM positions WHERE instance_id = o.instance_id AND symbol = o.symbol;
  IF NOT FOUND THEN
    p := ROW(o.instance_id, o.symbol, 0, 0, 0, 0);
  END IF;
  IF v_first THEN
    IF o.filled_quantity + e.quantity > o.quantity THEN
      PERFORM journal_fail('OVERFILL', e."executionId");
    END IF;
    v_before := p;
    p := move_at_average_cost(p, v_change, v_sign * v_kept);
    v_realised := p.realised - v_before.realised;
    p.fees := p.fees + e.fee + abs(v_traded - v_kept);
    INSERT INTO positions VALUES (p.*) ON CONFLICT (instance_id, symbol) DO UPDATE
      SET quantity = excluded.quantity, cost = excluded.cost, realised = excluded.realised, fees = excluded.fees;
    INSERT INTO executions (execution_id, client_order_id, instance_id, symbol, side, quantity, price, notional, fee,
        fee_quantity, realised, closing, position_after, slippage_bps, venue_time_us)
      VALUES (e."executionId", o.client_order_id, o.instance_id, o.symbol, o.side, e.quantity, e.price, v_traded, e.fee,
        e."feeQuantity", v_realised, sign(v_before.quantity) * sign(v_change) < 0, p.quantity,
        (v_sign * (e.price - o.mid_at_decision) * 10000 / o.mid_at_decision)::double precision, e."venueTimeUs");
    UPDATE account SET cash = cash - v_sign * v_traded - e.fee,
      last_execution_us = greatest(last_execution_us, e."venueTimeUs");
    UPDATE orders SET filled_quantity = filled_quantity + e.quantity, filled_notional = filled_notional + v_traded,
        state = CASE WHEN NOT is_open(state) THEN state
          WHEN filled_quantity + e.quantity = quantity THEN 'filled' ELSE 'partially_filled' END,
        updated_at = clock_timestamp()
      WHERE seq = o.seq RETURNING * INTO o;
  END IF;
  RETURN jsonb_build_object('executionId', e."executionId", 'first', v_first, 'order', order_json(o),
    'position', position_json(p), 'realised', v_realised::text);
END $$;

CREATE FUNCTION journal_apply_executions(p_owner text, p_generation bigint, p_executions jsonb) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
  v_item jsonb;
  v_results jsonb[] := '{}';
BEGIN
  PERFORM journal_check_fence(p_owner, p_generation);
  PERFORM 1 FROM account FOR UPDATE;
  FOR v_item IN SELECT e.value FROM jsonb_array_elements(p_executions) WITH ORDINALITY e ORDER BY e.ordinality LOOP
    v_results := v_results || journal_apply_one(jsonb_populate_record(NULL::journal_execution, v_item));
  END LOOP;
  RETURN to_jsonb(v_results);
END $$;
