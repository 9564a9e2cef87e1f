-- Each session has one refresh token at a time; every step replaces it, and those before it are remembered by their
-- digests so that a stolen copy is known when it comes.
alter table sessions add column step bigint not null default 0;
alter table sessions add column seen_at bigint not null default 0;
update sessions set seen_at = created_at;

create table spent_tokens (
  hash bytea primary key,
  session_id bytea not null references sessions (id) on delete cascade,
  step bigint not null,
  spent_at bigint not null
);
create index spent_tokens_by_session on spent_tokens (session_id);

-- What happened to the safety of accounts. The address is a keyed name, never the address.
create table security_events (
  id bytea primary key,
  user_id bytea references users (id) on delete cascade,
  kind text not null,
  session_id bytea,
  address text,
  detail text,
  created_at bigint not null
);
create index security_events_by_user on security_events (user_id, created_at);
create index security_events_by_time on security_events (created_at);
