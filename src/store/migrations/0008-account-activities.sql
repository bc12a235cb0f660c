-- What moves the account without a trade: splits, dividends and interest, fees, transfers. Each activity of the broker's is
-- applied once, in one transaction. Locks as before: lease, trading states, account, orders.

ALTER TABLE account
  ADD COLUMN opened_at_us bigint,
  ADD COLUMN last_activity_us bigint NOT NULL DEFAULT 0,
  ADD COLUMN executions bigint NOT NULL DEFAULT 0;
UPDATE account SET executions = (SELECT count(*) FROM executions),
  opened_at_us = floor(extract(epoch FROM bound_at) * 1000000)::bigint;

CREATE TABLE activities (
  activity_id label PRIMARY KEY,
  kind text NOT NULL CHECK (kind IN ('split', 'income', 'fee', 'fee_in_kind', 'transfer')),
  symbol label,
  quantity fixed NOT NULL,
  cash fixed NOT NULL,
  price fixed NOT NULL,
  venue_time_us bigint NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- New shares for each old one; prices of before `at_us` are to be divided by it.
CREATE TABLE splits (
  seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  symbol label NOT NULL,
  ratio fixed NOT NULL CHECK (ratio > 0),
  at_us bigint NOT NULL
);

-- Fees in kind that were booked with their fills and that the broker has not reported as activities yet.
CREATE TABLE fees_in_kind (
  symbol label PRIMARY KEY,
  pending fixed NOT NULL CHECK (pending >= 0)
);

CREATE FUNCTION journal_bind(p_broker_account_id text, p_mode text, p_opening_cash numeric, p_opened_at_us bigint)
RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
  UPDATE account SET opened_at_us = p_opened_at_us WHERE broker_account_id IS NULL;
  RETURN journal_bind(p_broker_account_id, p_mode, p_opening_cash);
END $$;

CREATE OR REPLACE FUNCTION journal_load() RETURNS jsonb LANGUAGE sql STABLE AS $$
  SELECT jsonb_build_object(
    'bookId', a.book_id, 'cash', a.cash::text, 'openingCash', a.opening_cash::text,
    'lastExecutionTimeUs', a.last_execution_us, 'executions', a.executions,
    'openedAtUs', coalesce(a.opened_at_us, 0), 'lastActivityTimeUs', a.last_activity_us,
    'openOrders', (SELECT coalesce(jsonb_agg(order_json(o) ORDER BY o.seq), '[]') FROM orders o
      WHERE o.state IN ('journalled', 'sending', 'unknown', 'accepted', 'partially_filled')),
    'positions', (SELECT coalesce(jsonb_agg(position_json(p) ORDER BY p.instance_id, p.symbol), '[]') FROM positions p),
    'splits', (SELECT coalesce(jsonb_agg(jsonb_build_object('symbol', s.symbol, 'ratio', s.ratio::text, 'atUs', s.at_us)
      ORDER BY s.seq), '[]') FROM splits s),
    'instances', (SELECT coalesce(jsonb_agg(jsonb_build_object('instanceId', i.instance_id,
      'fingerprint', i.fingerprint, 'snapshot', encode(i.snapshot, 'base64'), 'snapshotTimeUs', i.snapshot_time_us,
      'lastTrigger', i.last_trigger) ORDER BY i.instance_id), '[]') FROM instance_states i),
    'tradingStates', (SELECT jsonb_object_agg(t.scope, t.state) FROM trading_states t))
  FROM account a
$$;

-- As in 0004, and it counts, and keeps what it took in kind.
CREATE OR REPLACE FUNCTION journal_apply_one(e journal_execution) RETURNS jsonb LANGUAGE plpgsql AS $$
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
    IF e."feeQuantity" > 0 THEN
      INSERT INTO fees_in_kind VALUES (e.symbol, e."feeQuantity")
        ON CONFLICT (symbol) DO UPDATE SET pending = fees_in_kind.pending + excluded.pending;
    END IF;
    UPDATE account SET cash = cash - v_sign * v_traded - e.fee, executions = executions + 1,
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

-- Activities ---------------------------------------------------------------------------------------------------------

CREATE TYPE journal_activity AS (
  "activityIds" jsonb, kind text, symbol text, quantity numeric, cash numeric, price numeric, ratio numeric,
  "venueTimeUs" bigint
);

CREATE FUNCTION position_of(p_instance text, p_symbol text) RETURNS positions LANGUAGE plpgsql AS $$
DECLARE
  p positions;
BEGIN
  INSERT INTO positions (instance_id, symbol) VALUES (p_instance, p_symbol) ON CONFLICT DO NOTHING;
  SELECT * INTO p FROM positions WHERE instance_id = p_instance AND symbol = p_symbol;
  RETURN p;
END $$;

-- What each holder of a symbol gets of an amount, in proportion to its signed quantity; the last takes the rest.
CREATE FUNCTION shares_of(p_symbol text, p_amount numeric)
RETURNS TABLE (instance_id text, share numeric) LANGUAGE plpgsql AS $$
DECLARE
  p positions;
  v_total numeric;
  v_left numeric := p_amount;
  v_last text;
BEGIN
  SELECT sum(q.quantity), max(q.instance_id) INTO v_total, v_last FROM positions q
    WHERE q.symbol = p_symbol AND q.quantity <> 0;
  IF v_total IS NULL OR v_total = 0 THEN
    RETURN;
  END IF;
  FOR p IN SELECT * FROM positions q WHERE q.symbol = p_symbol AND q.quantity <> 0 ORDER BY q.instance_id LOOP
    instance_id := p.instance_id;
    share := CASE WHEN p.instance_id = v_last THEN v_left
      ELSE sign(p.quantity) * sign(v_total) * share_of(p_amount, abs(p.quantity), abs(v_total)) END;
    v_left := v_left - share;
    RETURN NEXT;
  END LOOP;
END $$;

-- Each holder's quantity in proportion; the cost stays, and is lost where nothing is left. What is paid is income.
CREATE FUNCTION journal_split(a journal_activity) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  r record;
  v_before numeric;
  v_after numeric;
BEGIN
  SELECT coalesce(sum(quantity), 0) INTO v_before FROM positions WHERE symbol = a.symbol;
  v_after := v_before + a.quantity;
  IF v_before = 0 OR sign(v_after) * sign(v_before) < 0 THEN
    RETURN false;
  END IF;
  INSERT INTO splits (symbol, ratio, at_us) VALUES (a.symbol, a.ratio, a."venueTimeUs");
  PERFORM journal_income(a.symbol, a.cash);
  FOR r IN SELECT * FROM shares_of(a.symbol, v_after) LOOP
    UPDATE positions SET quantity = r.share,
        realised = realised - CASE WHEN r.share = 0 THEN cost ELSE 0 END,
        cost = CASE WHEN r.share = 0 THEN 0 ELSE cost END
      WHERE instance_id = r.instance_id AND symbol = a.symbol;
  END LOOP;
  RETURN true;
END $$;

-- Goes to the holders of the symbol, or where there are none to what is not attributed.
CREATE FUNCTION journal_income(p_symbol text, p_cash numeric) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  r record;
  v_found boolean := false;
BEGIN
  IF p_cash = 0 THEN
    RETURN;
  END IF;
  FOR r IN SELECT * FROM shares_of(p_symbol, p_cash) LOOP
    v_found := true;
    UPDATE positions SET realised = realised + r.share WHERE instance_id = r.instance_id AND symbol = p_symbol;
  END LOOP;
  IF NOT v_found THEN
    PERFORM position_of('manual', coalesce(p_symbol, 'USD'));
    UPDATE positions SET realised = realised + p_cash WHERE instance_id = 'manual' AND symbol = coalesce(p_symbol, 'USD');
  END IF;
END $$;

-- What was not booked with its fill leaves the position at the price given and counts as a fee.
CREATE FUNCTION journal_fee_in_kind(a journal_activity) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  r record;
  p positions;
  v_fee numeric := -a.quantity;
  v_booked numeric;
  v_notional numeric;
BEGIN
  SELECT least(pending, v_fee) INTO v_booked FROM fees_in_kind WHERE symbol = a.symbol FOR UPDATE;
  v_booked := coalesce(v_booked, 0);
  UPDATE fees_in_kind SET pending = pending - v_booked WHERE symbol = a.symbol;
  FOR r IN SELECT * FROM shares_of(a.symbol, v_fee - v_booked) WHERE share <> 0 LOOP
    SELECT * INTO p FROM positions WHERE instance_id = r.instance_id AND symbol = a.symbol;
    v_notional := sign(r.share) * round_half_even(a.price * abs(r.share));
    p := move_at_average_cost(p, -r.share, -v_notional);
    UPDATE positions SET quantity = p.quantity, cost = p.cost, realised = p.realised, fees = p.fees + v_notional
      WHERE instance_id = r.instance_id AND symbol = a.symbol;
  END LOOP;
END $$;

CREATE FUNCTION journal_activity_one(a journal_activity) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  v_first boolean := NOT EXISTS (SELECT 1 FROM activities x
    WHERE x.activity_id IN (SELECT jsonb_array_elements_text(a."activityIds")));
  v_split boolean := false;
  v_label text := coalesce(a.symbol, 'USD');
BEGIN
  IF v_first THEN
    IF a.kind = 'split' THEN
      v_split := journal_split(a);
    ELSIF a.kind = 'income' THEN
      PERFORM journal_income(a.symbol, a.cash);
    ELSIF a.kind = 'fee' OR a.kind = 'fee_in_kind' THEN
      IF a.cash <> 0 THEN
        PERFORM position_of('manual', v_label);
        UPDATE positions SET fees = fees - a.cash WHERE instance_id = 'manual' AND symbol = v_label;
      END IF;
      IF a.kind = 'fee_in_kind' THEN
        PERFORM journal_fee_in_kind(a);
      END IF;
    ELSE
      UPDATE account SET opening_cash = opening_cash + a.cash;
    END IF;
    IF a.kind <> 'split' OR v_split THEN
      UPDATE account SET cash = cash + a.cash, last_activity_us = greatest(last_activity_us, a."venueTimeUs");
      INSERT INTO activities (activity_id, kind, symbol, quantity, cash, price, venue_time_us)
        SELECT i.value, a.kind, a.symbol, a.quantity, a.cash, a.price, a."venueTimeUs"
        FROM jsonb_array_elements_text(a."activityIds") i;
    ELSE
      v_first := false;
    END IF;
  END IF;
  RETURN to_jsonb(v_first);
END $$;

CREATE FUNCTION journal_apply_activities(p_owner text, p_generation bigint, p_activities jsonb) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
  v_item jsonb;
  v_results jsonb[] := '{}';
BEGIN
  PERFORM journal_check_fence(p_owner, p_generation);
  PERFORM 1 FROM account FOR UPDATE;
  FOR v_item IN SELECT e.value FROM jsonb_array_elements(p_activities) WITH ORDINALITY e ORDER BY e.ordinality LOOP
    v_results := v_results || journal_activity_one(jsonb_populate_record(NULL::journal_activity, v_item));
  END LOOP;
  RETURN to_jsonb(v_results);
END $$;
