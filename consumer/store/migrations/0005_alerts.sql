-- Alerts by e-mail and webhook. Storing records only inserts into alert_events, in the same transaction. One consumer at a
-- time turns these rows into groups, notices and deliveries.

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

-- Records of one shape, service and level: how many are in no notice yet, and when the last notice was created.
create table alert_groups (
  shape text not null,
  service text not null,
  level level not null,
  title text not null,
  pending bigint not null,
  pending_since timestamptz not null default now(),
  -- Of the pending records.
  first_ts timestamptz not null,
  last_ts timestamptz not null,
  example jsonb not null,
  -- Of all records.
  newest_ts timestamptz not null,
  is_new boolean not null,
  -- Appeared when the hourly limit of notices was reached.
  digest_only boolean not null default false,
  notified_at timestamptz,
  primary key (shape, service, level)
);

create index alert_groups_pending on alert_groups (pending_since) where pending > 0;

-- Messages to send. Kinds: error, digest, condition, recovered.
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

-- Current problems of Loghive itself, as each consumer sees them.
create table alert_conditions (
  key text not null,
  reporter text not null,
  sentence text not null,
  since timestamptz not null,
  reported_at timestamptz not null default now(),
  primary key (key, reporter)
);

comment on table alert_events is 'Loghive: stored errors for alerts by e-mail or webhook.';
comment on table alert_groups is 'Loghive: errors by shape, service and level, and how many are in no notice yet.';
comment on table alert_notices is 'Loghive: alerts sent by e-mail or webhook, or waiting to be sent.';
comment on table alert_deliveries is 'Loghive: deliveries of each notice, by channel.';
comment on table alert_conditions is 'Loghive: current problems of consumers and their servers.';
