-- Alerts by e-mail and webhook. Those who store records only insert into alert_events, in the transaction of the records;
-- one consumer at a time moves these rows on: into groups, notices and deliveries.

-- The records of one batch that have the same shape, service and level.
create table alert_events (
  id bigint generated always as identity primary key,
  shape text not null,
  title text not null,
  service text not null,
  level level not null,
  records bigint not null,
  first_ts timestamptz not null,
  last_ts timestamptz not null,
  example jsonb not null
);

-- All records of one shape, service and level: what of them no notice has told yet, and what was told before.
create table alert_groups (
  shape text not null,
  service text not null,
  level level not null,
  title text not null,
  untold bigint not null,
  untold_since timestamptz not null default now(),
  -- Of the untold ones.
  first_ts timestamptz not null,
  last_ts timestamptz not null,
  example jsonb not null,
  -- Of all of them.
  newest_ts timestamptz not null,
  is_new boolean not null,
  -- It came when the hour had its number of notices.
  digest_only boolean not null default false,
  told_at timestamptz,
  primary key (shape, service, level)
);

create index alert_groups_untold on alert_groups (untold_since) where untold > 0;

-- What is told, once it was decided. Kinds: error, digest, condition, recovered.
create table alert_notices (
  id uuid primary key,
  kind text not null,
  condition_key text,
  content jsonb not null,
  created_at timestamptz not null default now()
);

create index alert_notices_created on alert_notices (created_at);
create index alert_notices_condition on alert_notices (condition_key, id) where condition_key is not null;

-- Each notice once for each channel: mail, webhook. A row is claimed while one consumer sends it.
create table alert_deliveries (
  notice uuid not null references alert_notices on delete cascade,
  channel text not null,
  claimed_until timestamptz,
  sent_at timestamptz,
  failures integer not null default 0,
  last_error text,
  primary key (notice, channel)
);

create index alert_deliveries_unsent on alert_deliveries (channel, notice) where sent_at is null;

-- What is wrong with Loghive itself at present, as each consumer sees it.
create table alert_conditions (
  key text not null,
  reporter text not null,
  sentence text not null,
  since timestamptz not null,
  reported_at timestamptz not null default now(),
  primary key (key, reporter)
);

comment on table alert_events is 'Loghive: errors that were stored and are to be told by e-mail or webhook.';
comment on table alert_groups is 'Loghive: errors by shape, service and level; what of them was told.';
comment on table alert_notices is 'Loghive: what was told by e-mail or webhook, or is about to be.';
comment on table alert_deliveries is 'Loghive: by which channel a notice was sent.';
comment on table alert_conditions is 'Loghive: what its consumers report of themselves and their servers.';
