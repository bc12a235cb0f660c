-- The journal's tables: the durable truth of the order path. Money is numeric with nine decimals within the range of a
-- signed 64-bit integer of billionths, as the program holds it; no float touches it.

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
