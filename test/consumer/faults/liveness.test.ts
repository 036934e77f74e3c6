import { expect, test } from 'vitest';
import { useBroker, useDatabase } from '../../support/use-servers.js';
import { eventually } from '../../support/wait.mjs';
import { useStage } from './stage.js';

const STALL_MS = 33_000;
/** On this signal the main thread blocks, as in a call that does not return. */
const STALLS = `import { writeSync } from 'node:fs';
process.on('SIGUSR2', () => {
  writeSync(2, 'blocked\\n');
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ${STALL_MS});
});`;

test('a blocked supervisor reports that it needs a restart, its workers continue to store, and it recovers', async () => {
  const [broker, { url }] = await Promise.all([useBroker(), useDatabase()]);
  const stage = await useStage({
    brokerUrl: broker.url,
    databaseUrl: url,
    nodeArgs: ['--import', `data:text/javascript,${encodeURIComponent(STALLS)}`],
  });
  await stage.started();
  expect(await stage.probe('/livez')).toEqual({ status: 200, reasons: {} });
  process.kill(stage.consumer.pid!, 'SIGUSR2');
  await stage.consumer.waitForLine(/^blocked$/);
  // It cannot be seen before the thread continues: a probe without an answer has failed.
  const answer = stage.probe('/livez');
  stage.log(100);
  await stage.allStoredOnce();
  expect(await answer).toEqual({
    status: 503,
    reasons: { eventLoop: expect.stringMatching(/^the event loop was blocked for 3\d s of the last minute\.$/) },
  });
  await eventually(async () => expect(await stage.probe('/livez')).toEqual({ status: 200, reasons: {} }), {
    withinMs: 60_000,
  });
  await stage.end();
}, 150_000);
