-- The journal's functions, second part: intents are checked, reserved for and committed, or refused.
--
-- Locks are taken in one order everywhere: lease, trading states, account, orders. The functions say the same as the
-- in-memory model; both are held equal by the same random commands.

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
