-- Payments. Stripe's state is mirrored, never decided here; what is ours is whose a customer is, and which checkout is open.

create table customers (
  user_id bytea primary key references users (id) on delete cascade,
  customer_id text not null unique,
  created_at bigint not null,
  -- When the last read that was stored began: an older read never overwrites a newer one.
  read_at bigint not null default 0,
  -- When time alone may change the plan: a set end, the end of a grace.
  review_at bigint,
  -- Where the owner can confirm a payment.
  action_url text
);
create index customers_by_review on customers (review_at) where review_at is not null;

create table subscriptions (
  id text primary key,
  user_id bytea not null references users (id) on delete cascade,
  status text not null,
  price_id text not null,
  current_period_start bigint,
  current_period_end bigint,
  cancel_at_period_end bigint not null,
  cancel_at bigint,
  canceled_at bigint,
  ended_at bigint,
  trial_end bigint,
  pause_collection bigint not null,
  livemode bigint not null,
  created_at bigint not null
);
create index subscriptions_by_user on subscriptions (user_id);

-- An attempt is written down before Stripe is asked, and a user has one at a time: two starts at once share it.
create table checkouts (
  attempt bytea primary key,
  user_id bytea not null references users (id) on delete cascade,
  price_id text not null,
  session_id text unique,
  url text,
  expires_at bigint,
  created_at bigint not null,
  closed_at bigint,
  looked_at bigint not null default 0
);
create unique index checkouts_open on checkouts (user_id) where closed_at is null;
create index checkouts_by_user on checkouts (user_id);
create index checkouts_by_time on checkouts (created_at);

-- The ids of events, so that each is taken once.
create table billing_events (
  id text primary key,
  type text not null,
  created_at bigint not null,
  received_at bigint not null,
  customer_id text,
  charge_id text,
  -- The job that finds out whose it is.
  job bytea unique
);
create index billing_events_by_time on billing_events (received_at);

-- What happens now and then, on one process: when it was last begun.
create table schedules (
  name text primary key,
  begun_at bigint not null
);

create index jobs_about on jobs (kind, subject) where kind <> 'reply';
