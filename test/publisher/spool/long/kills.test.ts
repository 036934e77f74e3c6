/** Three hundred times `kill -9`, with `mode: 'always'`: no record whose call had returned is lost. */
import { appendFileSync, statSync, truncateSync } from 'node:fs';
import { expect, test } from 'vitest';
import { LoggerClient } from '../../../../src/client.js';
import { seeded } from '../../../suite/random.mjs';
import { onEnd, uniqueName, useBroker, useProxy } from '../../../support/use-servers.js';
import { eventually } from '../../../support/wait.mjs';
import { logUntilKilled, numbersIn } from '../use-killed.js';
import { filesIn, range, sorted, useFolder } from '../use-publishers.js';

const KILLS = 300;
const MOST_MS = 150;
/** Set KILLS_SEED to this value to kill at the same moments. */
const SEED = process.env.KILLS_SEED ?? String(Date.now());

/** What a kill, or a power failure, may leave of a write. Returns how many returned calls it may have cost. */
const DAMAGES: Record<string, (file: string, random: () => number) => number> = {
  nothing: () => 0,
  'the beginning of a line': (file) => {
    appendFileSync(file, '000000a7 5d41402a 697c5e80 {"id":"0199');
    return 0;
  },
  'a line without its end': (file, random) => {
    const { size } = statSync(file);
    truncateSync(file, Math.max(0, size - 1 - Math.floor(random() * 50)));
    return 1;
  },
  'a line with other bytes': (file) => {
    const { size } = statSync(file);
    truncateSync(file, Math.max(0, size - 10));
    appendFileSync(file, '#'.repeat(Math.min(size, 9)));
    appendFileSync(file, '\n');
    return 1;
  },
};

test.each([
  ['only killed', ['nothing']],
  ['killed while it wrote', Object.keys(DAMAGES)],
])('a process that is %s', { timeout: 900_000 }, async (_, damages) => {
  const random = seeded(SEED);
  const broker = await useBroker();
  const proxy = await useProxy(broker.url);
  const service = uniqueName('svc');
  const args = { service, url: proxy.url(broker.url), dir: useFolder() };
  let logged = 0;
  let mayBeLost = 0;
  for (const kill of range(KILLS)) {
    if (random() < 0.5) await proxy.refuse();
    logged = await logUntilKilled(args, logged, random() * MOST_MS);
    const damage = DAMAGES[damages[kill % damages.length]!]!;
    const [newest] = filesIn(args.dir).sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs);
    if (newest) mayBeLost += damage(newest, random);
    await proxy.heal();
  }
  const next = new LoggerClient({ service, url: args.url, spool: { dir: args.dir } });
  onEnd(() => next.close());
  await eventually(() => expect(filesIn(args.dir)).toEqual([]), { withinMs: 60_000 });
  const arrived = new Set(sorted(await numbersIn(broker.url, `${service}_info_logs`)));
  const missing = range(logged).filter((number) => !arrived.has(number));
  expect(logged).toBeGreaterThan(10 * KILLS);
  expect(missing.length, `KILLS_SEED=${SEED}, missing ${missing}`).toBeLessThanOrEqual(mayBeLost);
});
