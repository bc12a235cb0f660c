-- Orders of every type and class: trails, extended hours, exits as orders of their own under a parent, and orders that take
-- the place of others. What an older release does not send is the simple order's. Locks as before: lease, trading states,
-- account, orders.

ALTER TABLE orders
  ADD COLUMN trail_price fixed,
  ADD COLUMN trail_percent fixed,
  ADD COLUMN extended_hours boolean NOT NULL DEFAULT false,
  ADD COLUMN order_class text NOT NULL DEFAULT 'simple' CHECK (order_class IN ('simple', 'bracket', 'oco', 'oto')),
  ADD COLUMN take_profit_price fixed,
  ADD COLUMN stop_loss_price fixed,
  ADD COLUMN stop_loss_limit_price fixed,
  ADD COLUMN parent_id text,
  ADD COLUMN replaces text,
  DROP CONSTRAINT orders_state_check,
  ADD CONSTRAINT orders_state_check CHECK (state IN ('journalled', 'sending', 'unknown', 'accepted', 'partially_filled',
    'filled', 'canceled', 'expired', 'rejected', 'replaced'));

CREATE OR REPLACE VIEW open_orders AS
  SELECT * FROM orders WHERE state IN ('journalled', 'sending', 'unknown', 'accepted', 'partially_filled');

CREATE OR REPLACE FUNCTION order_json(o orders) RETURNS jsonb LANGUAGE sql STABLE AS $$
  SELECT jsonb_build_object(
    'clientOrderId', o.client_order_id, 'brokerOrderId', o.broker_order_id, 'instanceId', o.instance_id,
    'parentId', o.parent_id, 'replaces', o.replaces,
    'symbol', o.symbol, 'side', o.side, 'type', o.type, 'timeInForce', o.time_in_force,
    'quantity', o.quantity::text, 'limitPrice', o.limit_price::text, 'stopPrice', o.stop_price::text,
    'trailPrice', o.trail_price::text, 'trailPercent', o.trail_percent::text, 'extendedHours', o.extended_hours,
    'orderClass', o.order_class, 'takeProfitPrice', o.take_profit_price::text,
    'stopLossPrice', o.stop_loss_price::text, 'stopLossLimitPrice', o.stop_loss_limit_price::text,
    'worstPrice', o.worst_price::text, 'state', o.state, 'cancelRequested', o.cancel_requested,
    'filledQuantity', o.filled_quantity::text, 'filledNotional', o.filled_notional::text,
    'trigger', o.trigger_key, 'reason', o.reason, 'midAtDecision', o.mid_at_decision::text,
    'decidedAtUs', o.decided_at_us, 'createdAtMs', epoch_ms(o.created_at), 'updatedAtMs', epoch_ms(o.updated_at),
    'rejectCode', o.reject_code, 'rejectMessage', o.reject_message)
$$;

ALTER TYPE journal_intent
  ADD ATTRIBUTE "trailPrice" numeric,
  ADD ATTRIBUTE "trailPercent" numeric,
  ADD ATTRIBUTE "extendedHours" boolean,
  ADD ATTRIBUTE "orderClass" text,
  ADD ATTRIBUTE "takeProfitPrice" numeric,
  ADD ATTRIBUTE "stopLossPrice" numeric,
  ADD ATTRIBUTE "stopLossLimitPrice" numeric,
  ADD ATTRIBUTE replaces text;

ALTER TYPE journal_change ADD ATTRIBUTE quantity numeric;

-- Alpaca's wash-trade rule against every open order of the other side; trailing stops and orders with exits are exempt.
CREATE OR REPLACE FUNCTION journal_self_trades(i journal_intent) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT i.type <> 'trailing_stop' AND coalesce(i."orderClass", 'simple') = 'simple' AND EXISTS (
    SELECT 1 FROM open_orders o
    WHERE o.symbol = i.symbol AND o.side <> i.side AND o.type <> 'trailing_stop' AND o.order_class = 'simple'
      AND (i."limitPrice" IS NULL OR o.limit_price IS NULL
        OR CASE WHEN i.side = 'buy' THEN i."limitPrice" >= o.limit_price ELSE o.limit_price >= i."limitPrice" END))
$$;

-- What the intent is to replace is open at the broker, alike, and not being replaced.
CREATE FUNCTION journal_is_replaceable(i journal_intent) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT EXISTS (
    SELECT 1 FROM orders o
    WHERE o.client_order_id = i.replaces AND o.state IN ('accepted', 'partially_filled')
      AND (o.order_class = 'simple' OR o.parent_id IS NOT NULL)
      AND o.instance_id = i."instanceId" AND o.symbol = i.symbol AND o.side = i.side AND o.type = i.type
      AND i.quantity > o.filled_quantity
      AND NOT EXISTS (SELECT 1 FROM open_orders x WHERE x.replaces = o.client_order_id))
$$;

CREATE OR REPLACE FUNCTION journal_limit_exceeded(i journal_intent, p_limits jsonb, p_cash numeric) RETURNS text
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
         count(*) + num_nonnulls(i."takeProfitPrice", i."stopLossPrice")
    INTO v_pending, v_reserved, v_open FROM open_orders WHERE client_order_id IS DISTINCT FROM i.replaces;
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
CREATE OR REPLACE FUNCTION journal_refusal(i journal_intent, p_limits jsonb, p_cash numeric) RETURNS text
LANGUAGE plpgsql STABLE AS $$
DECLARE
  v_halted boolean;
  v_reducing boolean;
BEGIN
  IF i.replaces IS NOT NULL AND NOT journal_is_replaceable(i) THEN
    RETURN 'NOT_REPLACEABLE';
  END IF;
  SELECT coalesce(bool_or(state = 'halted'), false), coalesce(bool_or(state = 'reducing'), false)
    INTO v_halted, v_reducing FROM trading_states
    WHERE scope IN ('account', 'instance:' || i."instanceId", 'symbol:' || i.symbol);
  IF v_halted THEN
    RETURN 'TRADING_HALTED';
  ELSIF v_reducing AND NOT i.reducing THEN
    RETURN 'TRADING_REDUCING';
  ELSIF NOT i.reducing AND EXISTS (SELECT 1 FROM open_orders o WHERE o.symbol = i.symbol AND o.state = 'unknown'
      AND o.client_order_id IS DISTINCT FROM i.replaces) THEN
    RETURN 'UNKNOWN_ORDER';
  ELSIF journal_self_trades(i) THEN
    RETURN 'SELF_TRADE';
  ELSIF i.reducing THEN
    RETURN NULL;
  END IF;
  RETURN journal_limit_exceeded(i, p_limits, p_cash);
END $$;

-- One exit of an order: the same but for its side, its prices and its parent. It reserves nothing.
CREATE FUNCTION journal_insert_exit(parent orders, p_suffix text, p_type text, p_limit numeric, p_stop numeric)
RETURNS void LANGUAGE sql AS $$
  INSERT INTO orders (client_order_id, instance_id, symbol, side, type, time_in_force, quantity, limit_price, stop_price,
      trail_price, trail_percent, extended_hours, order_class, parent_id, replaces, worst_price, reducing, trigger_key,
      reason, mid_at_decision, decided_at_us)
    VALUES (parent.client_order_id || p_suffix, parent.instance_id, parent.symbol,
      CASE WHEN (parent.side = 'buy') = (parent.order_class = 'oco') THEN 'buy' ELSE 'sell' END, p_type,
      parent.time_in_force, parent.quantity, p_limit, p_stop, parent.trail_price, parent.trail_percent,
      parent.extended_hours, parent.order_class, parent.client_order_id, parent.replaces, coalesce(p_stop, p_limit), true,
      parent.trigger_key, parent.reason, parent.mid_at_decision, parent.decided_at_us)
$$;

CREATE OR REPLACE FUNCTION journal_insert(i journal_intent) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  v_old orders;
  v_order orders;
BEGIN
  SELECT * INTO v_old FROM orders WHERE client_order_id = i.replaces;
  INSERT INTO orders (client_order_id, instance_id, symbol, side, type, time_in_force, quantity, limit_price,
      stop_price, trail_price, trail_percent, extended_hours, order_class, take_profit_price, stop_loss_price,
      stop_loss_limit_price, parent_id, replaces, worst_price, reducing, trigger_key, reason, mid_at_decision,
      decided_at_us)
    VALUES (i."clientOrderId", i."instanceId", i.symbol, i.side, i.type, i."timeInForce", i.quantity, i."limitPrice",
      i."stopPrice", i."trailPrice", i."trailPercent", coalesce(i."extendedHours", false),
      coalesce(v_old.order_class, i."orderClass", 'simple'), i."takeProfitPrice", i."stopLossPrice",
      i."stopLossLimitPrice", v_old.parent_id, i.replaces, i."worstPrice", i.reducing, i.trigger, i.reason,
      i."midAtDecision", i."decidedAtUs")
    RETURNING * INTO v_order;
  IF i."takeProfitPrice" IS NOT NULL THEN
    PERFORM journal_insert_exit(v_order, '-tp', 'limit', i."takeProfitPrice", NULL);
  END IF;
  IF i."stopLossPrice" IS NOT NULL THEN
    PERFORM journal_insert_exit(v_order, '-sl', CASE WHEN i."stopLossLimitPrice" IS NULL THEN 'stop' ELSE 'stop_limit' END,
      i."stopLossLimitPrice", i."stopLossPrice");
  END IF;
  IF i.snapshot IS NOT NULL THEN
    INSERT INTO instance_states (instance_id, fingerprint, snapshot, snapshot_time_us, last_trigger)
      VALUES (i."instanceId", i.fingerprint, decode(i.snapshot, 'base64'), i."snapshotTimeUs", i.trigger)
      ON CONFLICT (instance_id) DO UPDATE SET fingerprint = excluded.fingerprint, snapshot = excluded.snapshot,
        snapshot_time_us = excluded.snapshot_time_us, last_trigger = excluded.last_trigger, stored_at = now();
  END IF;
END $$;

CREATE OR REPLACE FUNCTION journal_commit_one(i journal_intent, p_item jsonb, p_limits jsonb, p_cash numeric)
RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  o orders;
  v_code text;
BEGIN
  SELECT * INTO o FROM orders WHERE client_order_id = i."clientOrderId";
  IF FOUND THEN
    -- The broker may have made a replacement smaller: what the old order had filled is not its own.
    IF (o.quantity = i.quantity OR (o.replaces IS NOT NULL AND o.quantity < i.quantity))
       AND (o.instance_id, o.symbol, o.side, o.type, o.time_in_force, o.limit_price, o.stop_price, o.trigger_key,
        o.trail_price, o.trail_percent, o.extended_hours, o.take_profit_price, o.stop_loss_price,
        o.stop_loss_limit_price, o.replaces)
       IS NOT DISTINCT FROM (i."instanceId", i.symbol, i.side, i.type, i."timeInForce", i."limitPrice",
       i."stopPrice", i.trigger, i."trailPrice", i."trailPercent", coalesce(i."extendedHours", false),
       i."takeProfitPrice", i."stopLossPrice", i."stopLossLimitPrice", i.replaces) THEN
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

CREATE OR REPLACE FUNCTION journal_change_one(c journal_change) RETURNS jsonb LANGUAGE plpgsql AS $$
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
  -- Not above what it was, nor below what is filled or nothing.
  IF v_open AND c.quantity IS NOT NULL THEN
    o.quantity := greatest(least(c.quantity, o.quantity), o.filled_quantity, 0.000000001);
  END IF;
  v_legal := is_legal_change(o, c.state);
  UPDATE orders SET
      quantity = o.quantity,
      broker_order_id = coalesce(broker_order_id, c."brokerOrderId"),
      cancel_requested = cancel_requested OR (v_open AND coalesce(c."cancelRequested", false)),
      state = CASE WHEN v_open AND v_legal THEN coalesce(c.state, state) ELSE state END,
      reject_code = CASE WHEN v_open AND v_legal THEN coalesce(c."rejectCode", reject_code) ELSE reject_code END,
      reject_message = CASE WHEN v_open AND v_legal THEN coalesce(c."rejectMessage", reject_message) ELSE reject_message END,
      updated_at = clock_timestamp()
    WHERE seq = o.seq RETURNING * INTO o;
  RETURN jsonb_build_object('order', order_json(o), 'legal', v_legal);
END $$;
