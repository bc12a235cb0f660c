-- The journal's functions, third part: changes of orders, and executions.
--
-- Locks are taken in one order everywhere: lease, trading states, account, orders. The functions say the same as the
-- in-memory model; both are held equal by the same random commands.

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
