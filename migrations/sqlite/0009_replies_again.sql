-- A message may be answered more than once. Where a reply does not stand right behind its message: the message's place.
alter table messages add column asked_seq integer;
-- Before a failed reply was asked for again, which moved it to the end of its room: its last try, and its first place.
alter table messages add column retried_from integer;
alter table messages add column retried_seq integer;
create index messages_again on messages (chatroom_id, asked_seq) where asked_seq is not null;
