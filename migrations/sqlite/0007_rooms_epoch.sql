-- How often shared copies of a user's room list had to be given up by way of the database.
alter table users add column rooms_epoch integer not null default 0;
