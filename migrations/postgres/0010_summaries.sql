-- What was said in a long room up to a place, in a few words: a table of its own, as the list of rooms must not read it and
-- no message must write it again. `content` is empty when the owner took it away; what it covered is not summarised again.
-- `version` grows with each change, and whoever writes names the one that was read.
--
-- `chatrooms.named` is 0 for a room that nobody named, which goes by its first words; 1 once its owner named it; 2 once the
-- model did. A title is written over 0 only, so that it comes once and never over a name.
create table room_summaries (
  chatroom_id bytea primary key references chatrooms (id) on delete cascade,
  content text,
  seq bigint not null,
  version bigint not null,
  updated_at bigint not null
);
