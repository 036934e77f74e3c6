-- Where records are stored. Names without a schema belong to the configured one: it is the search path of a migration.

create type level as enum ('DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL');

create table records (
  id uuid not null,
  ts timestamptz not null,
  service text not null,
  level level not null,
  message text not null,
  information jsonb not null default '{}',
  primary key (ts, id)
) partition by range (ts);

comment on table records is 'Loghive: log records, one partition a day (UTC). (ts, id) makes storing exactly-once.';

create index records_service on records (service, ts desc);
create index records_errors on records (ts) where level >= 'ERROR';
create index records_information on records using gin (information jsonb_path_ops);

-- Takes the records of days that have no partition of their own.
create table records_default partition of records default;
