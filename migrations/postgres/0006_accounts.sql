-- A closed account has no number and no session; its rows stay until they are erased, a few at a time. Its rooms go over
-- to an account that was never open, so that no request or job of the owner finds them any more.
alter table users add column closed_at bigint;
