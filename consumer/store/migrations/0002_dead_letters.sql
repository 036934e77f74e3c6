-- Records that were given up: nothing of them is lost, a person decides.

create table dead_letters (
  id bigint generated always as identity primary key,
  -- SHA-256 over queue, routing key and raw bytes: the same message delivered again is counted, not stored again.
  fingerprint bytea not null unique,
  raw bytea not null,
  code text not null,
  reason text not null,
  attempts integer not null,
  queue text not null,
  routing_key text not null,
  headers jsonb not null,
  service text,
  level text,
  record_id uuid,
  first_seen timestamptz not null default now(),
  last_seen timestamptz not null default now(),
  seen integer not null default 1
);

comment on table dead_letters is 'Loghive: records that could not be stored, with their bytes as they came and the reason.';

create index dead_letters_last_seen on dead_letters (last_seen);
