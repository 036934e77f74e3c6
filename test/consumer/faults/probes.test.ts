/** The command as an orchestrator sees it: from the start, over an outage, to SIGTERM. */
import { expect, test } from 'vitest';
import { useBroker, useDatabase, useProxy } from '../../support/use-servers.js';
import { eventually } from '../../support/wait.mjs';
import { useStage } from './stage.js';

const PATIENCE = { withinMs: 45_000 };
const HEALTHY = { status: 200, reasons: {} };

test('start without servers, recovery, an outage, recovery, and SIGTERM with an unacknowledged batch', async () => {
  const [broker, database] = await Promise.all([useBroker(), useDatabase()]);
  const [toBroker, toDatabase] = await Promise.all([useProxy(broker.url), useProxy(database.url)]);
  await Promise.all([toBroker.refuse(), toDatabase.refuse()]);
  const servers = { brokerUrl: broker.url, databaseUrl: database.url };
  const stage = await useStage({ ...servers, through: { broker: toBroker, database: toDatabase } });
  const { consumer, probe } = stage;
  const all = async () => Promise.all([probe('/startupz'), probe('/readyz'), probe('/livez')]);
  const statuses = async () => (await all()).map(({ status }) => status);

  // Start: alive, because a restart would not help.
  await eventually(async () =>
    expect(Object.keys((await probe('/readyz')).reasons)).toEqual(['broker', 'database', 'schema']),
  );
  expect(await statuses()).toEqual([503, 503, 200]);
  await Promise.all([toBroker.heal(), toDatabase.heal()]);
  await eventually(async () => expect(await all()).toEqual([HEALTHY, HEALTHY, HEALTHY]), PATIENCE);

  // Outage: started and alive, but not ready.
  await toDatabase.refuse();
  await toDatabase.reset();
  await eventually(async () => expect(await statuses()).toEqual([200, 503, 200]), PATIENCE);
  stage.log(20);
  await toDatabase.heal();
  await eventually(async () => expect(await all()).toEqual([HEALTHY, HEALTHY, HEALTHY]), PATIENCE);
  await stage.allStoredOnce();

  // SIGTERM: not ready from now on, alive until the end, which a batch that cannot be stored does not delay for long.
  const locker = await stage.connection();
  await locker.query('begin; lock table logs.records in access exclusive mode');
  stage.log(20);
  await eventually(async () => expect((await stage.status()).inHand).toBeGreaterThan(0));
  const ended = consumer.kill('SIGTERM');
  await eventually(async () => {
    const [startup, ready, live] = await all();
    expect([startup.status, ready.status, live.status]).toEqual([200, 503, 200]);
    expect(ready.reasons.consumer).toBe('the consumer is stopping.');
  });
  expect(await ended).toEqual({ code: 0, signal: null });
  await expect(probe('/livez')).rejects.toThrow();
  await locker.query('rollback');

  // Unacknowledged messages are redelivered to another consumer.
  await useStage({ ...servers, after: stage });
  await stage.allStoredOnce();
}, 150_000);
