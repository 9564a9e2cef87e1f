-- Ids are 16 bytes, times are milliseconds since 1970, days are counted since 1970.

create table users (
  id bytea primary key,
  phone text not null unique,
  name text,
  locale text,
  tier text not null default 'Basic',
  password_hash text,
  created_at bigint not null
);

-- What is known of a number, whether or not it has an account.
create table phones (
  phone text primary key,
  pending_name text,
  pending_until bigint not null default 0,
  pauses bigint not null default 0,
  paused_until bigint not null default 0
);

create table challenges (
  id bytea primary key,
  phone text not null,
  block text not null,
  address text not null,
  purpose text not null,
  code_mac bytea not null,
  digits bigint not null,
  tries bigint not null default 0,
  created_at bigint not null,
  expires_at bigint not null,
  replaced_at bigint,
  consumed_at bigint
);
create index challenges_by_phone on challenges (phone, created_at);
create index challenges_by_block on challenges (block, created_at);
create index challenges_by_address on challenges (address, created_at);
create index challenges_by_time on challenges (created_at);

create table sessions (
  id bytea primary key,
  user_id bytea not null references users (id) on delete cascade,
  proof text not null,
  refresh_hash bytea not null unique,
  created_at bigint not null,
  expires_at bigint not null,
  ended_at bigint
);
create index sessions_by_user on sessions (user_id, created_at);
create index sessions_by_expiry on sessions (expires_at);
create index sessions_ended on sessions (ended_at) where ended_at is not null;

create table device_tokens (
  hash bytea primary key,
  phone text not null,
  created_at bigint not null
);
create index device_tokens_by_phone on device_tokens (phone, created_at);

create table chatrooms (
  id bytea primary key,
  user_id bytea not null references users (id) on delete cascade,
  name text not null,
  named bigint not null,
  instructions text,
  model text,
  last_seq bigint not null default 0,
  open_replies bigint not null default 0,
  created_at bigint not null,
  updated_at bigint not null
);
create index chatrooms_by_activity on chatrooms (user_id, updated_at desc, id desc);

create table messages (
  chatroom_id bytea not null references chatrooms (id) on delete cascade,
  seq bigint not null,
  id bytea not null unique,
  role text not null,
  content text not null,
  status text not null,
  reply_to bytea,
  model text,
  outcome text,
  error text,
  prompt_tokens bigint not null default 0,
  reply_tokens bigint not null default 0,
  attempt bigint not null default 0,
  quota_day bigint,
  created_at bigint not null,
  finished_at bigint,
  primary key (chatroom_id, seq)
);

create table usage (
  user_id bytea not null references users (id) on delete cascade,
  day bigint not null,
  used bigint not null,
  turn_at bigint not null default 0,
  prompt_tokens bigint not null default 0,
  reply_tokens bigint not null default 0,
  primary key (user_id, day)
);

create table idempotency_keys (
  user_id bytea not null references users (id) on delete cascade,
  route text not null,
  key text not null,
  fingerprint bytea not null,
  answer text not null,
  quota_used bigint,
  created_at bigint not null,
  primary key (user_id, route, key)
);
create index idempotency_keys_by_time on idempotency_keys (created_at);

-- The queue. A job is blocked (behind another of its room), ready, waiting (for a later try), running (under a lease)
-- or dead; a done one is gone. The job of a reply has the reply's id, so that it is found by way of the messages: an
-- index of its own by room or user would be one more page to write for every message.
create table jobs (
  id bytea primary key,
  kind text not null,
  subject bytea not null,
  user_id bytea,
  chatroom_id bytea,
  seq bigint not null,
  state text not null,
  turn_at bigint not null,
  run_at bigint not null,
  attempt bigint not null default 0,
  errors bigint not null default 0,
  panics bigint not null default 0,
  deaths bigint not null default 0,
  worker bytea,
  lease_until bigint,
  last_error text,
  created_at bigint not null,
  deadline_at bigint not null
);
create index jobs_ready on jobs (turn_at, id) where state = 'ready';
create index jobs_waiting on jobs (run_at) where state = 'waiting';
create index jobs_running on jobs (lease_until) where state = 'running';
create index jobs_dead on jobs (created_at, id) where state = 'dead';
create unique index jobs_one_running_a_room on jobs (chatroom_id) where state = 'running';

-- Ends a transaction with a refusal by name when a statement that had to change a row changed none; so a list of
-- guarded statements travels in one round trip.
create function pollux_require(changed bigint, refusal text) returns bigint language plpgsql as $$
begin
  if changed = 0 then
    raise exception '%', refusal using errcode = 'PX001';
  end if;
  return changed;
end
$$;
