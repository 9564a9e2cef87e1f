-- Payments. Stripe's state is mirrored, never decided here; what is ours is whose a customer is, and which checkout is open.

create table customers (
  user_id blob primary key references users (id) on delete cascade,
  customer_id text not null unique,
  created_at integer not null,
  -- When the last read that was stored began: an older read never overwrites a newer one.
  read_at integer not null default 0,
  -- When time alone may change the plan: a set end, the end of a grace.
  review_at integer,
  -- Where the owner can confirm a payment.
  action_url text
) strict, without rowid;
create index customers_by_review on customers (review_at) where review_at is not null;

create table subscriptions (
  id text primary key,
  user_id blob not null references users (id) on delete cascade,
  status text not null,
  price_id text not null,
  current_period_start integer,
  current_period_end integer,
  cancel_at_period_end integer not null,
  cancel_at integer,
  canceled_at integer,
  ended_at integer,
  trial_end integer,
  pause_collection integer not null,
  livemode integer not null,
  created_at integer not null
) strict, without rowid;
create index subscriptions_by_user on subscriptions (user_id);

-- An attempt is written down before Stripe is asked, and a user has one at a time: two starts at once share it.
create table checkouts (
  attempt blob primary key,
  user_id blob not null references users (id) on delete cascade,
  price_id text not null,
  session_id text unique,
  url text,
  expires_at integer,
  created_at integer not null,
  closed_at integer,
  looked_at integer not null default 0
) strict, without rowid;
create unique index checkouts_open on checkouts (user_id) where closed_at is null;
create index checkouts_by_user on checkouts (user_id);
create index checkouts_by_time on checkouts (created_at);

-- The ids of events, so that each is taken once.
create table billing_events (
  id text primary key,
  type text not null,
  created_at integer not null,
  received_at integer not null,
  customer_id text,
  charge_id text,
  -- The job that finds out whose it is.
  job blob unique
) strict, without rowid;
create index billing_events_by_time on billing_events (received_at);

-- What happens now and then, on one process: when it was last begun.
create table schedules (
  name text primary key,
  begun_at integer not null
) strict, without rowid;

create index jobs_about on jobs (kind, subject) where kind <> 'reply';
