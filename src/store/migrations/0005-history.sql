-- What people look at later: bars, signals, equity and runs. None of it decides anything, so a row may be lost while the
-- database is away; orders and executions are not here.

CREATE TABLE bars (
  symbol label NOT NULL,
  interval_seconds integer NOT NULL,
  start_us bigint NOT NULL,
  open double precision NOT NULL,
  high double precision NOT NULL,
  low double precision NOT NULL,
  close double precision NOT NULL,
  volume double precision NOT NULL,
  PRIMARY KEY (symbol, interval_seconds, start_us)
);

CREATE TABLE signals (
  seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  instance_id label NOT NULL,
  symbol label NOT NULL,
  target fixed NOT NULL,
  reason text NOT NULL,
  value double precision NOT NULL,
  venue_time_us bigint NOT NULL,
  outcome text NOT NULL
);

CREATE TABLE equity_points (
  at_us bigint PRIMARY KEY,
  equity fixed NOT NULL
);

CREATE TABLE runs (
  run_id label PRIMARY KEY,
  seq bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
  kind text NOT NULL,
  started_at_ms bigint NOT NULL,
  summary jsonb NOT NULL
);
