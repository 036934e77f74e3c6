/** Faults of a table, a role or a database while its server runs. Each has its own database on the shared server. */
import { connect } from 'amqplib';
import { expect, test } from 'vitest';
import { loghive } from '../../cli/run-loghive.js';
import { mountSmallDisk, type SmallDisk } from '../../support/small-disk.mjs';
import { beside, onEnd, uniqueName, useBroker, useDatabase } from '../../support/use-servers.js';
import { eventually } from '../../support/wait.mjs';
import { checkFault, type Fault } from './check-fault.js';
import { type Stage, useStage } from './stage.js';

const PATIENCE = { withinMs: 45_000 };
/** Faults where PostgreSQL refuses statements. */
const STORAGE_DOWN = { loghive_storage_up: 0 };

function database(about: {
  name: string;
  reason: RegExp;
  begin: Fault['begin'];
  lastsMs?: number;
  first?: number;
  losesTable?: boolean;
}): Fault {
  const { reason, ...rest } = about;
  return { ...rest, checks: { database: reason }, warning: reason, series: STORAGE_DOWN };
}

/** Statements that cause and remove the fault; with new sessions if it is checked only at login. */
function statements(make: (stage: Stage) => string, undo: (stage: Stage) => string, endSessions = false) {
  return async (stage: Stage) => {
    await stage.sql(make(stage));
    if (endSessions) await stage.endSessions();
    return () => stage.sql(undo(stage));
  };
}

const FAULTS: Fault[] = [
  database({
    name: 'another session locks the table, for a minute',
    reason: /a table of schema logs is locked by another session: .*55P03.*End that session, or wait for it/,
    lastsMs: 60_000,
    async begin(stage) {
      const locker = await stage.connection();
      await locker.query('begin; lock table logs.records in access exclusive mode');
      return () => locker.query('rollback');
    },
  }),
  database({
    name: 'no statement ends in time',
    reason: /did not finish in time and canceled the statement: .*57014.*Check its locks and its load/,
    begin: statements(
      () => `create function logs.slow() returns trigger language plpgsql as $$
          begin perform pg_sleep(3600); return new; end $$;
        create trigger slow before insert on logs.records for each row execute function logs.slow()`,
      // The trigger cannot be dropped while a statement runs it.
      () => `create or replace function logs.slow() returns trigger language plpgsql as $$ begin return new; end $$`,
    ),
  }),
  database({
    name: 'the database is read-only',
    reason: /is read-only(?:: .*25006.*|\. )Point the database URL at the primary/,
    async begin(stage) {
      const { database: name } = stage;
      await stage.sql(`alter database ${name} set default_transaction_read_only = on`);
      await stage.endSessions();
      return () => stage.ofServer(`alter database ${name} reset default_transaction_read_only`);
    },
  }),
  database({
    name: 'the role has used up its connections',
    reason: /has no free connection for user role_\w+: .*53300.*CONNECTION LIMIT/,
    begin: statements(
      ({ role }) => `alter role ${role} connection limit 0`,
      ({ role }) => `alter role ${role} connection limit -1`,
      true,
    ),
  }),
  database({
    name: 'a column is dropped',
    reason: /a column of Loghive's tables in schema logs is missing: .*42703.*Restore it/,
    begin: statements(
      () => 'alter table logs.records drop column information cascade',
      () => `alter table logs.records add column information jsonb not null default '{}'`,
    ),
  }),
  database({
    name: 'a NOT NULL column is added',
    reason: /has a NOT NULL column without a default that Loghive does not fill: .*23502.*Give it a default/,
    begin: statements(
      () => `alter table logs.records add column region text not null default 'somewhere';
        alter table logs.records alter column region drop default`,
      () => `alter table logs.records alter column region set default 'somewhere'`,
    ),
  }),
  database({
    name: 'a trigger is broken',
    reason: /a trigger on a table of schema logs refuses rows: .*nothing works.*P0001.*Correct or drop it/,
    begin: statements(
      () => `create function logs.broken() returns trigger language plpgsql as $$
          begin raise exception 'nothing works'; end $$;
        create trigger broken before insert on logs.records for each row execute function logs.broken()`,
      () => 'drop trigger broken on logs.records',
    ),
  }),
  database({
    name: 'the password of the role is another one',
    reason: /refuses the password of user role_\w+: .*28P01.*Correct it in the database URL/,
    begin: statements(
      ({ role }) => `alter role ${role} password 'another'`,
      ({ role }) => `alter role ${role} password 'right'`,
      true,
    ),
  }),
  database({
    name: 'the role may not log in',
    reason: /refuses user role_\w+: .*28000.*Create the user with LOGIN, or allow it/,
    begin: statements(
      ({ role }) => `alter role ${role} nologin`,
      ({ role }) => `alter role ${role} login`,
      true,
    ),
  }),
  database({
    name: 'a grant is revoked',
    reason: /user role_\w+ lacks privileges in schema logs of database db_\w+: .*42501.*Grant USAGE/,
    begin: statements(
      ({ role }) => `revoke all on logs.records from ${role}`,
      ({ role }) => `grant all on logs.records to ${role}`,
    ),
  }),
  database({
    name: 'its disk is full',
    reason: /the disk of 127\.0\.0\.1:\d+ is full: .*53100.*Free disk space/,
    // More than fits into the existing pages.
    first: 50,
    // Long enough for several attempts: a probe must not find room that a batch does not.
    lastsMs: 15_000,
    async begin(stage) {
      const disk = await useSmallDisk(stage);
      if (disk === undefined) return fullByTrigger(stage);
      await disk.fill();
      return () => disk.free();
    },
  }),
  database({
    name: 'the database has another name',
    reason: /there is no database db_\w+ on .*3D000.*Create it/,
    async begin(stage) {
      const { database: name } = stage;
      await withoutSessions(stage, `alter database ${name} rename to ${name}_old`);
      return () => stage.ofServer(`alter database ${name}_old rename to ${name}`);
    },
  }),
  database({
    name: 'the database is dropped, until a new one is migrated',
    reason:
      /there is no database db_\w+ on .*3D000.*Create it|lacks Loghive's tables or types: .*Run "loghive migrate"/,
    losesTable: true,
    async begin(stage) {
      const { database: name, role, consumerUrl } = stage;
      await stage.ofServer(`drop database ${name} with (force)`);
      return async () => {
        await stage.ofServer(`create database ${name} owner ${role}`);
        await stage.consumer.waitForLine(/WARNING .*lacks Loghive's tables or types: .*Run "loghive migrate"/, 45_000);
        const migrated = await loghive(['migrate', '--database-url', consumerUrl]);
        if (migrated.code !== 0) throw new Error(migrated.stderr.join('\n'));
      };
    },
  }),
];

/** Connected clients reconnect immediately. */
async function withoutSessions(stage: Stage, statement: string): Promise<void> {
  await eventually(async () => {
    await stage.ofServer(`select pg_terminate_backend(pid) from pg_stat_activity where datname = '${stage.database}'`);
    await stage.ofServer(statement);
  });
}

/** New data goes to a separate disk; undefined if none can be mounted. */
async function useSmallDisk({ sql, ofServer, database: name }: Stage): Promise<SmallDisk | undefined> {
  const disk = await mountSmallDisk(8 * 1024 * 1024);
  if (disk === undefined) return undefined;
  const tablespace = uniqueName('small');
  onEnd(async () => {
    await ofServer(`drop database ${name} with (force)`);
    await ofServer(`drop tablespace ${tablespace}`);
    await disk.unmount();
  });
  await ofServer(`create tablespace ${tablespace} location '${disk.folder}'`);
  const tables = await sql(
    `select format('alter %s logs.%I set tablespace ${tablespace}',
       case relkind when 'i' then 'index' else 'table' end, relname) as move
     from pg_class where relnamespace = 'logs'::regnamespace and relkind in ('r', 'i')`,
  );
  for (const { move } of tables) await sql(String(move));
  return disk;
}

/** The closest substitute if no disk can be mounted. */
async function fullByTrigger(stage: Stage): Promise<() => Promise<unknown>> {
  await stage.sql(`create function logs.full() returns trigger language plpgsql as $$
      begin raise exception 'could not extend file' using errcode = '53100'; end $$;
    create trigger full_disk before insert on logs.records for each row execute function logs.full()`);
  return () => stage.sql('drop trigger full_disk on logs.records');
}

test.concurrent.for(FAULTS)(
  'nothing is lost, and the consumer reports it, while $name',
  { timeout: 180_000 },
  beside(async (fault: Fault) => {
    const [broker, { url }] = await Promise.all([useBroker(), useDatabase()]);
    await checkFault(await useStage({ brokerUrl: broker.url, databaseUrl: url }), fault);
  }),
);

test.concurrent(
  'a dead letter table that cannot be written is reported immediately, and blocks records from the first dead letter on',
  { timeout: 120_000 },
  beside(async () => {
    const [broker, { url }] = await Promise.all([useBroker(), useDatabase()]);
    const stage = await useStage({ brokerUrl: broker.url, databaseUrl: url });
    await stage.started();
    await stage.sql(`revoke all on logs.dead_letters from ${stage.role}`);
    const warning = /dead letters cannot be stored, and the first one will block .*dead_letters.*42501.*Grant USAGE/;
    await eventually(
      async () =>
        expect(await stage.status()).toMatchObject({ health: 'degraded', reasons: [expect.stringMatching(warning)] }),
      { withinMs: 15_000 },
    );
    const stopLogging = stage.logSteadily();
    await stage.allStoredOnce();
    expect(await stage.probe('/readyz')).toEqual({ status: 200, reasons: {} });
    const connection = await connect(broker.url);
    onEnd(() => connection.close());
    const channel = await connection.createConfirmChannel();
    channel.publish('logs_exchange', `${stage.service}.info`, Buffer.from('not JSON'), { persistent: true });
    await channel.waitForConfirms();
    // The other worker continues.
    const idle = /1 of 2 workers are not consuming messages: .*dead_letters.*42501/;
    await eventually(async () => {
      expect((await stage.status()).reasons).toContainEqual(expect.stringMatching(idle));
    }, PATIENCE);
    await eventually(async () => expect((await stage.probe('/readyz')).status).toBe(200));
    // Once it is idle, no result shows that the database works.
    stopLogging();
    await eventually(async () => {
      const reasons = { database: expect.stringMatching(/dead_letters.*42501/) };
      expect(await stage.probe('/readyz')).toEqual({ status: 503, reasons });
    }, PATIENCE);
    await stage.sql(`grant all on logs.dead_letters to ${stage.role}`);
    await eventually(async () => expect((await stage.probe('/readyz')).status).toBe(200), PATIENCE);
    await eventually(async () => expect((await stage.status()).reasons).toEqual([]), PATIENCE);
    await eventually(
      async () => expect(await stage.sql('select code from logs.dead_letters')).toHaveLength(1),
      PATIENCE,
    );
    await stage.sql('delete from logs.dead_letters');
    await stage.allStoredOnce();
    const lines = stage.consumer.lines.filter((line) => warning.test(line));
    expect(lines).toHaveLength(1);
    await stage.end();
  }),
);
