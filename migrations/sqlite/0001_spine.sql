-- Ids are 16 bytes, times are milliseconds since 1970, days are counted since 1970.

create table users (
  id blob primary key,
  phone text not null unique,
  name text,
  locale text,
  tier text not null default 'Basic',
  password_hash text,
  created_at integer not null
) strict, without rowid;

-- What is known of a number, whether or not it has an account.
create table phones (
  phone text primary key,
  pending_name text,
  pending_until integer not null default 0,
  pauses integer not null default 0,
  paused_until integer not null default 0
) strict, without rowid;

create table challenges (
  id blob primary key,
  phone text not null,
  block text not null,
  address text not null,
  purpose text not null,
  code_mac blob not null,
  digits integer not null,
  tries integer not null default 0,
  created_at integer not null,
  expires_at integer not null,
  replaced_at integer,
  consumed_at integer
) strict, without rowid;
create index challenges_by_phone on challenges (phone, created_at);
create index challenges_by_block on challenges (block, created_at);
create index challenges_by_address on challenges (address, created_at);
create index challenges_by_time on challenges (created_at);

create table sessions (
  id blob primary key,
  user_id blob not null references users (id) on delete cascade,
  proof text not null,
  refresh_hash blob not null unique,
  created_at integer not null,
  expires_at integer not null,
  ended_at integer
) strict, without rowid;
create index sessions_by_user on sessions (user_id, created_at);
create index sessions_by_expiry on sessions (expires_at);
create index sessions_ended on sessions (ended_at) where ended_at is not null;

create table device_tokens (
  hash blob primary key,
  phone text not null,
  created_at integer not null
) strict, without rowid;
create index device_tokens_by_phone on device_tokens (phone, created_at);

create table chatrooms (
  id blob primary key,
  user_id blob not null references users (id) on delete cascade,
  name text not null,
  named integer not null,
  instructions text,
  model text,
  last_seq integer not null default 0,
  open_replies integer not null default 0,
  created_at integer not null,
  updated_at integer not null
) strict, without rowid;
create index chatrooms_by_activity on chatrooms (user_id, updated_at desc, id desc);

create table messages (
  chatroom_id blob not null references chatrooms (id) on delete cascade,
  seq integer not null,
  id blob not null unique,
  role text not null,
  content text not null,
  status text not null,
  reply_to blob,
  model text,
  outcome text,
  error text,
  prompt_tokens integer not null default 0,
  reply_tokens integer not null default 0,
  attempt integer not null default 0,
  quota_day integer,
  created_at integer not null,
  finished_at integer,
  primary key (chatroom_id, seq)
) strict, without rowid;

create table usage (
  user_id blob not null references users (id) on delete cascade,
  day integer not null,
  used integer not null,
  turn_at integer not null default 0,
  prompt_tokens integer not null default 0,
  reply_tokens integer not null default 0,
  primary key (user_id, day)
) strict, without rowid;

create table idempotency_keys (
  user_id blob not null references users (id) on delete cascade,
  route text not null,
  key text not null,
  fingerprint blob not null,
  answer text not null,
  quota_used integer,
  created_at integer not null,
  primary key (user_id, route, key)
) strict, without rowid;
create index idempotency_keys_by_time on idempotency_keys (created_at);

-- The queue. A job is blocked (behind another of its room), ready, waiting (for a later try), running (under a lease)
-- or dead; a done one is gone. The job of a reply has the reply's id, so that it is found by way of the messages: an
-- index of its own by room or user would be one more page to write for every message.
create table jobs (
  id blob primary key,
  kind text not null,
  subject blob not null,
  user_id blob,
  chatroom_id blob,
  seq integer not null,
  state text not null,
  turn_at integer not null,
  run_at integer not null,
  attempt integer not null default 0,
  errors integer not null default 0,
  panics integer not null default 0,
  deaths integer not null default 0,
  worker blob,
  lease_until integer,
  last_error text,
  created_at integer not null,
  deadline_at integer not null
) strict, without rowid;
create index jobs_ready on jobs (turn_at, id) where state = 'ready';
create index jobs_waiting on jobs (run_at) where state = 'waiting';
create index jobs_running on jobs (lease_until) where state = 'running';
create index jobs_dead on jobs (created_at, id) where state = 'dead';
create unique index jobs_one_running_a_room on jobs (chatroom_id) where state = 'running';
