-- Each session has one refresh token at a time; every step replaces it, and those before it are remembered by their
-- digests so that a stolen copy is known when it comes.
alter table sessions add column step integer not null default 0;
alter table sessions add column seen_at integer not null default 0;
update sessions set seen_at = created_at;

create table spent_tokens (
  hash blob primary key,
  session_id blob not null references sessions (id) on delete cascade,
  step integer not null,
  spent_at integer not null
) strict, without rowid;
create index spent_tokens_by_session on spent_tokens (session_id);

-- What happened to the safety of accounts. The address is a keyed name, never the address.
create table security_events (
  id blob primary key,
  user_id blob references users (id) on delete cascade,
  kind text not null,
  session_id blob,
  address text,
  detail text,
  created_at integer not null
) strict, without rowid;
create index security_events_by_user on security_events (user_id, created_at);
create index security_events_by_time on security_events (created_at);
