-- Which services have announced themselves, so that a consumer without names finds them. A row may be added by hand, for a
-- client that announces nothing.

create table services (
  service text primary key,
  first_seen timestamptz not null default now(),
  last_seen timestamptz not null default now()
);

comment on table services is 'Loghive: services that have announced themselves; a consumer without names takes their records.';
