-- Which request a job came of, as W3C writes it, so that both are one trace. Empty where no traces are kept.
alter table jobs add column trace_parent text;
