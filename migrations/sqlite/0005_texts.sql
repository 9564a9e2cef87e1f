-- Texts to phones. The columns of a challenge are empty where codes go to no phone.

-- The country whose sends are counted together.
alter table challenges add column country text;
-- The language that was wished for.
alter table challenges add column locale text;
-- The code, sealed under a key that is not here; wiped when it is handed over, or over.
alter table challenges add column seal blob;
-- When it was handed to the carrier: from then on it is never handed over again.
alter table challenges add column handed_at integer;
-- What the carrier calls it.
alter table challenges add column carrier_id text;
-- How far it came; the stage only grows.
alter table challenges add column delivery text;
alter table challenges add column delivery_stage integer not null default 0;
-- Whether the number is spared its count, because it was not sent through no fault of the number.
alter table challenges add column is_free integer not null default 0;
create index challenges_by_country on challenges (country, created_at) where country is not null;
create index challenges_sealed on challenges (expires_at) where seal is not null;

-- Countries that get no texts for a while, because too few of their codes came back.
create table country_pauses (
  country text primary key,
  paused_until integer not null
) strict, without rowid;
