-- Checks of a password that missed, by number, whether or not it has an account: they limit further ones.
create table password_misses (
  id integer primary key not null,
  phone text not null,
  address text not null,
  missed_at integer not null
) strict;
create index password_misses_by_phone on password_misses (phone, missed_at);
create index password_misses_by_time on password_misses (missed_at);
