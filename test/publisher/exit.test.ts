/** The end of real processes: however they end, each record is confirmed, or reported as lost. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { connect } from 'amqplib';
import { describe, expect, test } from 'vitest';
import type { Child } from '../support/child.mjs';
import { freePort } from '../support/ports.mjs';
import { onEnd, uniqueName, useBroker, useChild, useProxy } from '../support/use-servers.js';

const broker = await useBroker();
const SLOW = { timeout: 60_000 };
/** Limit for an end that waits for nothing, with reserve for a busy machine. */
const SOON_MS = 10_000;

interface Program {
  child: Child;
  service: string;
}

/**
 * Runs a script that has `logger` and `transport`, `log(count)`, `work()`, which keeps the process alive, and `up()`,
 * which prints a line.
 *
 * Without a spool, so that records are lost if they cannot be sent: test/exits has the ends with a spool.
 *
 * @param before code that runs before the transport is created.
 */
function run(body: string, options: Record<string, unknown> = {}, before = ''): Program {
  const service = uniqueName('svc');
  const folder = mkdtempSync(path.join(import.meta.dirname, '.exit-'));
  onEnd(() => rmSync(folder, { recursive: true, force: true }));
  const file = path.join(folder, 'program.mjs');
  const settings = { service, url: broker.url, exitTimeoutMs: 8000, spool: false, ...options };
  writeFileSync(
    file,
    `import winston from 'winston';
import { LoghiveTransport } from '../../../dist/esm/transports/winston.js';
const settings = ${JSON.stringify(settings)};
${before}
const transport = new LoghiveTransport(settings);
const logger = winston.createLogger({ transports: [transport] });
const log = (count) => { for (let number = 0; number < count; number++) logger.info('record', { number }); };
const up = () => console.log('up');
const work = () => setInterval(() => {}, 1000);
${body}
`,
  );
  return { child: useChild(file), service };
}

/** The number of messages in the queue, as counted by the broker. */
async function messages(service: string): Promise<number> {
  return (await broker.listQueues()).find(({ name }) => name === `${service}_info_logs`)?.messages ?? 0;
}

/** Takes all messages out of a queue. */
async function read(queue: string): Promise<string[]> {
  const connection = await connect(broker.url);
  const channel = await connection.createChannel();
  const bodies: string[] = [];
  for (;;) {
    const message = await channel.get(queue, { noAck: true });
    if (!message) break;
    bodies.push(message.content.toString());
  }
  await connection.close();
  return bodies;
}

/** The ids of the records in the queue. Each is there once, because a record is stored once. */
async function records(service: string): Promise<string[]> {
  const lines = (await read(`${service}_info_logs`)).flatMap((body) => body.split('\n'));
  return [...new Set(lines.map((line) => JSON.parse(line).id))];
}

/** The number of records that would be stored. */
const stored = async (service: string) => (await records(service)).length;

const framed = { queueType: 'classic' };
/** One record per message, so that messages can be counted. A record that the exit worker sends again counts twice. */
const single = { queueType: 'python' };

test('a script that reaches its end gets every record confirmed, and ends by itself with code 0', SLOW, async () => {
  const { child, service } = run('log(500); up();', single);
  await child.waitForLine(/^up$/);
  const started = performance.now();
  expect(await child.exited).toEqual({ code: 0, signal: null });
  expect(performance.now() - started).toBeLessThan(8000);
  expect(await messages(service)).toBe(500);
  expect(child.stderr).toEqual([]);
});

test.each(['LoggerClient', 'LoghiveTransport'])(
  'a script that awaits flush() repeatedly loses nothing that it logs afterwards: %s',
  SLOW,
  async (integration) => {
    const use =
      integration === 'LoggerClient'
        ? `const { LoggerClient } = await import('../../../dist/esm/src/index.js'); const own = new LoggerClient(transport.settings); const info = (text) => own.info(text); const flush = () => own.flush();`
        : 'const info = (text) => logger.info(text); const flush = () => transport.flush();';
    const { child, service } = run(
      `${use.replace('transport.settings', 'settings')}
async function job(number) { info('job ' + number); await flush(); info('between'); await flush(); }
for (let number = 0; number < 20; number++) await job(number);
info('last');`,
      single,
    );
    expect([await child.exited, child.stderr]).toEqual([{ code: 0, signal: null }, []]);
    expect(await messages(service)).toBe(41);
  },
);

test('the exit code of the script is kept', SLOW, async () => {
  const { child, service } = run('process.exitCode = 7; log(1);', single);
  expect(await child.exited).toEqual({ code: 7, signal: null });
  expect(await messages(service)).toBe(1);
});

test('records that are logged in a listener of beforeExit are not lost', SLOW, async () => {
  const { child, service } = run("log(1); process.once('beforeExit', () => log(2));", single);
  expect(await child.exited).toEqual({ code: 0, signal: null });
  expect(await messages(service)).toBe(3);
});

test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
  'on %s everything is confirmed, then the signal ends the process',
  SLOW,
  async (signal) => {
    const { child, service } = run('work(); process.nextTick(() => { log(500); up(); });', single);
    await child.waitForLine(/^up$/);
    expect(await child.kill(signal)).toEqual({ code: null, signal });
    expect(await messages(service)).toBe(500);
  },
);

test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
  "%s is left to the application's own handler",
  SLOW,
  async (signal) => {
    const { child, service } = run(
      `const timer = work(); process.on('${signal}', () => { console.log('mine'); log(2); clearInterval(timer); process.exitCode = 3; }); up();`,
      single,
    );
    await child.waitForLine(/^up$/);
    expect(await child.kill(signal)).toEqual({ code: 3, signal: null });
    expect(child.stdout).toEqual(['up', 'mine']);
    expect(await messages(service)).toBe(2);
  },
);

test('a handler that was added by once(), before the logger, also decides how the process ends', SLOW, async () => {
  const { child, service } = run(
    `work();
const shutDown = () => { console.log('mine'); log(2); setTimeout(() => process.exit(3), 500); };
process.once('SIGTERM', shutDown);
new LoghiveTransport({ service: 'another', url: '${broker.url}', lingerMs: 1 });
up();`,
    framed,
  );
  await child.waitForLine(/^up$/);
  expect(await child.kill('SIGTERM')).toEqual({ code: 3, signal: null });
  expect(child.stdout).toEqual(['up', 'mine']);
  expect(await stored(service)).toBe(2);
});

/** Libraries that finish their work on a signal, and end the process if there is no other listener. */
const POLITE = {
  'counts the listeners after its work, and listens once': (signal: string) =>
    `process.once('${signal}', async () => { log(1); await pause(20); if (process.listenerCount('${signal}') === 0) process.exit(143); });`,
  'counts the listeners at once, and keeps listening': (signal: string) =>
    `process.on('${signal}', () => { log(1); if (process.listenerCount('${signal}') === 1) setTimeout(() => process.exit(143), 20); });`,
  'removes its listener and raises the signal again': (signal: string) =>
    `const quit = async () => { log(1); await pause(20); process.off('${signal}', quit); if (process.listenerCount('${signal}') === 0) process.kill(process.pid, '${signal}'); }; process.on('${signal}', quit);`,
};
const PAUSE = 'const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));';

describe.each(Object.entries(POLITE))('a library that %s', (what, code) => {
  const raises = what.includes('raises');
  test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
    'ends the process on %s as without Loghive',
    SLOW,
    async (signal) => {
      const { child, service } = run(`${PAUSE} work(); ${code(signal)} log(2); up();`, framed);
      await child.waitForLine(/^up$/);
      expect(await child.kill(signal)).toEqual(raises ? { code: null, signal } : { code: 143, signal: null });
      // A signal without a listener ends the process at once, so nothing more is sent.
      if (!raises) expect(await stored(service)).toBe(3);
    },
  );
});

test.each(["'SIGTERM'", '15', 'undefined'])(
  'a handler that removes itself, as that of Nest, and raises the signal again by kill(…, %s) loses nothing',
  SLOW,
  async (name) => {
    const { child, service } = run(
      `${PAUSE} work(); const { kill } = process;
const shutDown = async () => { log(2); await pause(50); log(500); process.off('SIGTERM', shutDown); process.kill(process.pid, ${name}); };
process.on('SIGTERM', shutDown); log(2); up();`,
      framed,
    );
    await child.waitForLine(/^up$/);
    expect(await child.kill('SIGTERM')).toEqual({ code: null, signal: 'SIGTERM' });
    expect(await stored(service)).toBe(504);
  },
);

test('two libraries that end the process if there is no other listener do so', SLOW, async () => {
  const once = POLITE['counts the listeners after its work, and listens once']('SIGTERM');
  const { child, service } = run(`${PAUSE} work(); ${once} ${once} log(2); up();`, framed);
  await child.waitForLine(/^up$/);
  expect(await child.kill('SIGTERM')).toEqual({ code: 143, signal: null });
  expect(await stored(service)).toBe(4);
});

test(
  'a library that puts its listener in front of that of the logger ends the process, and nothing is lost',
  SLOW,
  async () => {
    const polite = POLITE['counts the listeners after its work, and listens once']('SIGTERM');
    const once = polite.replace('once', 'prependOnceListener');
    const { child, service } = run(`${PAUSE} work(); ${once} log(2); up();`, framed);
    await child.waitForLine(/^up$/);
    // Its listener is already removed when ours is called. Then ours is the only one, and it raises the signal again.
    expect(['143', 'SIGTERM']).toContain(
      String(Object.values((await child.kill('SIGTERM'))!).find((each) => each !== null)),
    );
    expect(await stored(service)).toBe(3);
  },
);

test('if the process lives on after its own handler, Loghive listens again', SLOW, async () => {
  const { child, service } = run(
    `const { setTimeout: timeout } = globalThis;
globalThis.setTimeout = (work, ms, ...args) => timeout(work, ms === 10_000 ? 300 : ms, ...args);
const { kill } = process;
const mine = () => {
  console.log('mine', process.listenerCount('SIGTERM'));
  const back = setInterval(() => {
    if (process.listenerCount('SIGTERM') === 1) return;
    clearInterval(back);
    process.off('SIGTERM', mine);
    log(1);
    console.log('again', process.kill === kill);
  }, 20);
};
process.on('SIGTERM', mine); work(); log(2); up();`,
    framed,
  );
  await child.waitForLine(/^up$/);
  process.kill(child.pid!, 'SIGTERM');
  await child.waitForLine(/^again/);
  expect(await child.kill('SIGTERM')).toEqual({ code: null, signal: 'SIGTERM' });
  expect(child.stdout).toEqual(['up', 'mine 1', 'again true']);
  expect(await stored(service)).toBe(3);
});

/** The two versions that many packages depend on. The older one comes with proper-lockfile. */
const SIGNAL_EXITS = {
  'signal-exit 4': "const { onExit } = await import('signal-exit');",
  'signal-exit 3': `const { createRequire } = await import('node:module');
const onExit = createRequire(createRequire(import.meta.url).resolve('proper-lockfile'))('signal-exit');`,
};

describe.each(Object.entries(SIGNAL_EXITS))('%s, which acts only if there is no other listener,', (_name, load) => {
  test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
    'acts on %s after Loghive has flushed, and records logged in it are sent',
    SLOW,
    async (signal) => {
      const { child, service } = run(
        `${load} onExit((code, signal) => { log(500); console.log('gone by', signal); }); work(); log(2); up();`,
        framed,
      );
      await child.waitForLine(/^up$/);
      expect(await child.kill(signal)).toEqual({ code: null, signal });
      expect(child.stdout).toEqual(['up', `gone by ${signal}`]);
      expect(child.stderr).toEqual([]);
      expect(await stored(service)).toBe(502);
    },
  );

  test('gets the records logged in it counted and reported if the broker is unreachable', SLOW, async () => {
    const url = `amqp://127.0.0.1:${await freePort()}`;
    const { child } = run(`${load} onExit(() => log(3)); work(); log(2); up();`, { url, exitTimeoutMs: 300 });
    await child.waitForLine(/^up$/);
    expect(await child.kill('SIGTERM')).toEqual({ code: null, signal: 'SIGTERM' });
    expect(child.stderr.join('\n')).toMatch(/records dropped: .*; 5 in total/);
  });
});

test('if signal-exit is told to let the process live, it does, and Loghive listens again', SLOW, async () => {
  const { child, service } = run(
    `const { setTimeout: timeout } = globalThis;
globalThis.setTimeout = (work, ms, ...args) => timeout(work, ms === 10_000 ? 300 : ms, ...args);
${SIGNAL_EXITS['signal-exit 4']}
onExit(() => {
  log(1);
  const back = setInterval(() => {
    if (process.listenerCount('SIGTERM') === 0) return;
    clearInterval(back);
    log(1);
    console.log('again');
  }, 20);
  return true;
});
work(); log(2); up();`,
    framed,
  );
  await child.waitForLine(/^up$/);
  process.kill(child.pid!, 'SIGTERM');
  await child.waitForLine(/^again$/);
  expect(await child.kill('SIGTERM')).toEqual({ code: null, signal: 'SIGTERM' });
  expect(await stored(service)).toBe(4);
});

test('with handleSignals: false, signals have the same effect as without Loghive', SLOW, async () => {
  const listeners = "['SIGTERM', 'SIGINT', 'SIGHUP'].map((name) => process.listenerCount(name))";
  const { child } = run(`work(); console.log('listeners ' + ${listeners}); log(1);`, {
    handleSignals: false,
    url: `amqp://127.0.0.1:${await freePort()}`,
  });
  await child.waitForLine(/^listeners 0,0,0$/);
  expect(await child.kill('SIGTERM')).toEqual({ code: null, signal: 'SIGTERM' });
  expect(child.lines.join('\n')).not.toMatch(/records dropped/);
});

test.each([
  ['the end of the script', 'log(500);'],
  ['logger.end()', "log(500); logger.end(); logger.once('finish', () => console.log('finish'));"],
])('with handleSignals: false, everything is still confirmed at %s', SLOW, async (_what, body) => {
  const { child, service } = run(body, { ...single, handleSignals: false });
  expect(await child.exited).toEqual({ code: 0, signal: null });
  expect(await messages(service)).toBe(500);
  expect(child.stderr).toEqual([]);
});

test('records that are logged while a signal ends the process are sent, or reported in one line', SLOW, async () => {
  const { child } = run(
    `const other = new LoghiveTransport({ service: 'another', url: 'amqp://127.0.0.1:${await freePort()}', exitTimeoutMs: 500, spool: false });
logger.add(other);
setInterval(() => log(1), 1); transport.once('connect', up);`,
    { exitTimeoutMs: 100 },
  );
  await child.waitForLine(/^up$/);
  expect(await child.kill('SIGTERM')).toEqual({ code: null, signal: 'SIGTERM' });
  // One line for each transport. The one without a broker has lost its records.
  const losses = child.stderr.filter((line) => /records dropped/.test(line));
  expect(losses.filter((line) => /another INFO \d+/.test(line))).toHaveLength(1);
  expect(losses.length).toBeLessThanOrEqual(2);
});

const ENDS: [string, string, number][] = [
  ['process.exit()', 'process.exit(4);', 4],
  ['an uncaught exception', "throw new Error('uncaught');", 1],
  ['an unhandled rejection', "Promise.reject(new Error('unhandled'));", 1],
  ['process.exit() in a listener of exit', "process.on('exit', () => process.exit(5)); process.exit(4);", 5],
  ['an exception in a listener of exit', "process.on('exit', () => { throw new Error('late'); }); process.exit(4);", 4],
  ['process.exit() during the flush at the end', "process.once('beforeExit', () => process.exit(4));", 4],
];

const RETHROW = "process.on('uncaughtException', (error) => { log(3); throw error; });";

test.each([
  ['throws it again', RETHROW, "throw new Error('uncaught');"],
  ['throws a rejection again', RETHROW, "Promise.reject(new Error('uncaught'));"],
  ['is called once and throws', RETHROW.replace('on', 'once'), "setTimeout(() => { throw new Error('uncaught'); });"],
])('with a handler of uncaughtException that %s, no record is lost', SLOW, async (_what, handler, end) => {
  const { child, service } = run(`${handler} log(500); ${end}`, framed);
  // Node's own exit code.
  expect(await child.exited).toEqual({ code: 7, signal: null });
  const output = child.stderr.join('\n');
  expect(output).toMatch(/Error: uncaught/);
  expect(output).not.toMatch(/\[loghive\]/);
  expect(await stored(service)).toBe(503);
});

test('if a handler of uncaughtException throws without a broker, the records are reported as lost', SLOW, async () => {
  const url = `amqp://127.0.0.1:${await freePort()}`;
  const { child } = run(`${RETHROW} log(12); throw new Error('uncaught');`, { url });
  expect(await child.exited).toEqual({ code: 7, signal: null });
  expect(child.stderr.join('\n')).toMatch(/records dropped: 15 \(unsent at exit: svc_\w+ INFO 15\)/);
});

test(
  'a handler of uncaughtException that returns lets the process continue, and process.emit is not replaced',
  SLOW,
  async () => {
    const { child, service } = run(
      `const { emit } = process;
process.on('uncaughtException', (error) => { log(1); console.log(error.message, process.emit === emit); });
setTimeout(() => { throw new Error('first'); }); setTimeout(() => { throw new Error('second'); }, 20);`,
      single,
    );
    expect(await child.exited).toEqual({ code: 0, signal: null });
    expect(child.stdout).toEqual(['first true', 'second true']);
    expect(await messages(service)).toBe(2);
  },
);

test.each(ENDS)('after %s, the exit worker sends what is not confirmed', SLOW, async (_what, end, code) => {
  const { child, service } = run(`log(500); ${end}`, framed);
  expect(await child.exited).toEqual({ code, signal: null });
  expect(child.stderr.filter((line) => line.startsWith('[loghive]'))).toEqual([]);
  expect(await stored(service)).toBe(500);
});

test(
  'one exit worker sends open lines, waiting frames, frames in flight and announcements of several publishers',
  SLOW,
  async () => {
    const { child, service } = run(
      `const { LoggerClient } = await import('../../../dist/esm/src/index.js');
const others = [1, 2].map((number) => new LoggerClient({ ...settings, service: settings.service + number, lingerMs: number }));
await transport.flush();
log(20000);
  for (const each of others) each.info('one');
setImmediate(() => { log(1); process.exit(4); });`,
      { bufferBytes: 64 * 1024 * 1024 },
    );
    expect(await child.exited).toEqual({ code: 4, signal: null });
    expect(child.stderr).toEqual([]);
    expect(await records(service)).toHaveLength(20_001);
    for (const number of [1, 2]) expect(await records(`${service}${number}`)).toHaveLength(1);
    const announced = (await read('loghive_services')).map((body) => JSON.parse(body).service);
    expect(announced).toEqual(expect.arrayContaining([service, `${service}1`, `${service}2`]));
  },
);

test.each(ENDS.slice(0, 3))(
  'after %s without a broker, the lost records are counted and reported in one line',
  SLOW,
  async (_what, end, code) => {
    const url = `amqp://127.0.0.1:${await freePort()}`;
    const { child } = run(`log(12); logger.error('one more'); ${end}`, { url });
    const started = performance.now();
    expect(await child.exited).toEqual({ code, signal: null });
    expect(performance.now() - started).toBeLessThan(SOON_MS);
    const losses = child.stderr.filter((line) => /records dropped/.test(line));
    expect(losses).toHaveLength(1);
    expect(losses[0]).toMatch(
      /records dropped: 13 \(unsent at exit: svc_\w+ INFO 12, svc_\w+ ERROR 1\); 13 in total since the start\. They could not be sent to the broker: check why\.$/,
    );
    // The cause is reported as well.
    expect(child.stderr.join('\n')).toMatch(/ECONNREFUSED|nothing listens/);
  },
);

test('a script that awaits close() before process.exit() gets everything confirmed', SLOW, async () => {
  const { child, service } = run('log(12); await transport.close(); process.exit(4);', single);
  expect(await child.exited).toEqual({ code: 4, signal: null });
  expect(await messages(service)).toBe(12);
});

test(
  'close() before process.exit() resolves although the broker is unreachable, with the number of unsent records',
  SLOW,
  async () => {
    const url = `amqp://127.0.0.1:${await freePort()}`;
    const body =
      'work(); log(12); const { unsent } = await transport.close(); console.log("unsent", unsent); process.exit(4);';
    const { child } = run(body, { url, exitTimeoutMs: 500 });
    expect(await child.exited).toEqual({ code: 4, signal: null });
    expect(child.stdout).toEqual(['unsent 12']);
  },
);

test('records that are logged after the transport was closed are counted and reported at the end', SLOW, async () => {
  const { child } = run(
    "process.on('exit', () => log(1)); log(1); await transport.close(); log(3); process.exit(0);",
    single,
  );
  expect(await child.exited).toEqual({ code: 0, signal: null });
  expect(child.stderr).toHaveLength(1);
  expect(child.stderr[0]).toMatch(/records dropped: 4 \(logged after close: svc_\w+ INFO 4\)/);
});

test('records from listeners of exit are sent, whether these were added before or after the logger', SLOW, async () => {
  const { child, service } = run(
    `log(1); await transport.flush();
process.on('exit', () => log(2)); process.prependListener('exit', () => log(3));
new LoghiveTransport({ ...settings, lingerMs: 1 });
process.on('exit', () => { log(20); process.on('exit', () => {}); });`,
    framed,
  );
  expect(await child.exited).toEqual({ code: 0, signal: null });
  expect(child.stderr).toEqual([]);
  expect(await stored(service)).toBe(26);
});

test.each([
  ['calls process.exit()', 'process.exit(3);'],
  ['throws', "throw new Error('a listener');"],
])('records from a listener of exit that was added before the logger and %s are sent', SLOW, async (_how, then) => {
  const { child, service } = run(
    `last = () => log(2); log(1); await transport.flush(); setTimeout(() => process.exit(3), 100);`,
    framed,
    `let last; process.on('exit', () => { last(); ${then} });`,
  );
  expect(await child.exited).toEqual({ code: 3, signal: null });
  expect(await stored(service)).toBe(3);
});

test('the exit worker starts even if the working directory was deleted', SLOW, async () => {
  const { child, service } = run(
    `const fs = await import('node:fs'); const folder = fs.mkdtempSync('/tmp/loghive-gone-'); process.chdir(folder);
fs.rmdirSync(folder); log(1); await transport.flush(); log(5); process.exit(3);`,
    framed,
  );
  expect(await child.exited).toEqual({ code: 3, signal: null });
  expect(child.stderr).toEqual([]);
  expect(await stored(service)).toBe(6);
});

test('a program that emits exit itself continues, and ends by itself', SLOW, async () => {
  const { child, service } = run(
    `setTimeout(() => { log(1); process.emit('exit', 0); }, 100); setTimeout(async () => { log(2); await transport.close(); up(); }, 300);`,
    framed,
  );
  expect(await child.exited).toEqual({ code: 0, signal: null });
  expect(child.stdout).toEqual(['up']);
  expect(await stored(service)).toBe(3);
});

const FLUSH_ON_EXIT =
  "await import('../../../dist/esm/src/publisher/flush-on-exit.js'); const say = (text) => process.on('exit', (code) => console.log(text, code));";

test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
  'flush-on-exit runs the listeners of exit on %s, then the signal ends the process',
  SLOW,
  async (signal) => {
    const { child, service } = run(
      `${FLUSH_ON_EXIT} say('first'); process.on('exit', () => { log(2); throw new Error('a listener'); }); work(); log(1); up();`,
      framed,
    );
    await child.waitForLine(/^up$/);
    expect(await child.kill(signal)).toEqual({ code: null, signal });
    expect(child.stdout).toEqual(['up', `first ${128 + os.constants.signals[signal]}`]);
    expect(await stored(service)).toBe(3);
  },
);

test("flush-on-exit leaves a signal to the application's own handler", SLOW, async () => {
  const { child } = run(
    `${FLUSH_ON_EXIT} say('exit'); const timer = work(); process.on('SIGTERM', () => { console.log('mine'); clearInterval(timer); }); up();`,
    { handleSignals: false },
  );
  await child.waitForLine(/^up$/);
  expect(await child.kill('SIGTERM')).toEqual({ code: 0, signal: null });
  expect(child.stdout).toEqual(['up', 'mine', 'exit 0']);
});

test('flush-on-exit runs listeners of exit if a handler removes itself and raises the signal again', SLOW, async () => {
  const { child, service } = run(
    `${FLUSH_ON_EXIT} say('exit'); process.on('exit', () => { log(2); throw new Error('a listener'); });
const shutDown = () => { log(1); process.off('SIGTERM', shutDown); process.kill(process.pid, 'SIGTERM'); };
process.on('SIGTERM', shutDown); work(); up();`,
    framed,
  );
  await child.waitForLine(/^up$/);
  expect(await child.kill('SIGTERM')).toEqual({ code: null, signal: 'SIGTERM' });
  expect(child.stdout).toEqual(['up', 'exit 143']);
  expect(await stored(service)).toBe(3);
});

test('flush-on-exit runs the listeners of exit if a handler of uncaughtException throws', SLOW, async () => {
  const { child, service } = run(
    `${FLUSH_ON_EXIT} say('exit'); process.on('exit', () => { log(2); throw new Error('a listener'); });
process.on('uncaughtException', (error) => { log(1); throw error; }); log(1); throw new Error('uncaught');`,
    framed,
  );
  expect(await child.exited).toEqual({ code: 7, signal: null });
  expect(child.stdout).toEqual(['exit 7']);
  expect(child.stderr.join('\n')).toMatch(/Error: uncaught/);
  expect(await stored(service)).toBe(4);
});

test('with exitTimeoutMs: 0, process.exit() waits for nothing, and lost records are reported', SLOW, async () => {
  const { child } = run('log(3); process.exit(4);', { exitTimeoutMs: 0 });
  expect(await child.exited).toEqual({ code: 4, signal: null });
  expect(child.stderr).toHaveLength(1);
  expect(child.stderr[0]).toMatch(/records dropped: 3 \(unsent at exit: svc_\w+ INFO 3\)/);
});

test('a second signal ends the waiting, and the remaining records are reported', SLOW, async () => {
  const proxy = await useProxy(broker.url);
  const { child } = run(
    'work(); transport.once("connect", () => { up(); });  process.once("message", () => { log(4); console.log("logged"); });',
    {
      url: proxy.url(broker.url),
    },
  );
  await child.waitForLine(/^up$/);
  proxy.halfOpen();
  await child.send('log');
  await child.waitForLine(/^logged$/);
  process.kill(child.pid!, 'SIGTERM');
  const started = performance.now();
  // Repeated until one is handled, because simultaneous signals of one kind arrive as one.
  const again = setInterval(() => child.running && process.kill(child.pid!, 'SIGTERM'), 200);
  onEnd(() => clearInterval(again));
  expect(await child.exited).toEqual({ code: null, signal: 'SIGTERM' });
  expect(performance.now() - started).toBeLessThan(7000);
  expect(child.stderr.join('\n')).toMatch(/records dropped: 4 \(unsent at exit: svc_\w+ INFO 4\)/);
});

test('an unreachable broker delays the end by exitTimeoutMs, and the number of records is reported', SLOW, async () => {
  const url = `amqp://127.0.0.1:${await freePort()}`;
  const { child } = run('log(12); up();', { url, exitTimeoutMs: 500 });
  await child.waitForLine(/^up$/);
  const started = performance.now();
  expect(await child.exited).toEqual({ code: 0, signal: null });
  expect(performance.now() - started).toBeLessThan(SOON_MS);
  expect(
    child.stderr.filter((line) => /records dropped: 12 \(unsent at exit: svc_\w+ INFO 12\)/.test(line)),
  ).toHaveLength(1);
});

test('a logger without records does not keep the process alive, even if the broker is unreachable', SLOW, async () => {
  const url = `amqp://127.0.0.1:${await freePort()}`;
  const { child } = run('up();', { url });
  await child.waitForLine(/^up$/);
  const started = performance.now();
  expect(await child.exited).toEqual({ code: 0, signal: null });
  expect(performance.now() - started).toBeLessThan(SOON_MS);
});

test.each([
  ['SIGTERM', 'SIGTERM' as const],
  ['process.exit()', undefined],
])('a script awaiting flush() stays alive while the broker is unreachable, until %s', SLOW, async (_what, signal) => {
  const url = `amqp://127.0.0.1:${await freePort()}`;
  const { child } = run(
    `log(3); transport.on('warning', () => setTimeout(up, 1500).unref()); process.on('beforeExit', () => console.log('beforeExit'));
${signal ? '' : 'setTimeout(() => process.exit(4), 2500).unref();'} await transport.flush();`,
    { url, exitTimeoutMs: 500 },
  );
  await child.waitForLine(/^up$/);
  expect(await (signal ? child.kill(signal) : child.exited)).toEqual(
    signal ? { code: null, signal } : { code: 4, signal: null },
  );
  expect(child.stdout).toEqual(['up']);
  expect(child.stderr.join('\n')).toMatch(/records dropped: 3 \(unsent at exit: svc_\w+ INFO 3\)/);
});

test(
  'records that are logged after a failed flush at the end of the script are sent, by the same logger and by new ones',
  SLOW,
  async () => {
    const proxy = await useProxy(broker.url);
    await proxy.refuse();
    const { child, service } = run(
      `const { LoggerClient } = await import('../../../dist/esm/src/index.js');
log(3);
process.once('beforeExit', () => process.once('beforeExit', () => process.once('message', async () => {
  log(2);
  const other = new LoggerClient(settings);
  other.info('of a new one');
  await transport.flush();
  console.log(JSON.stringify(transport.stats()));
  process.disconnect();
})));
process.on('beforeExit', up);`,
      { ...single, exitTimeoutMs: 300, url: proxy.url(broker.url) },
    );
    await child.waitForLine(/^up$/);
    await child.waitForLine(/records dropped: 3 \(unsent at exit/);
    await proxy.heal();
    await child.send('go on');
    expect(await child.exited).toEqual({ code: 0, signal: null });
    expect(await messages(service)).toBe(3);
    expect(child.stderr.filter((line) => /records dropped/.test(line))).toHaveLength(1);
    expect(JSON.parse(child.stdout.find((line) => line.startsWith('{'))!)).toMatchObject({ accepted: 6, confirmed: 3 });
  },
);

test('a script that ends with await flush() gets everything confirmed', SLOW, async () => {
  const { child, service } = run('log(3); await transport.flush(); console.log("flushed");', single);
  expect(await child.exited).toEqual({ code: 0, signal: null });
  expect(child.stdout).toEqual(['flushed']);
  expect(await messages(service)).toBe(3);
});
