import { Console } from 'node:console';
import { once } from 'node:events';
import { Writable } from 'node:stream';
import { beforeAll, describe, expect, expectTypeOf, test, vi } from 'vitest';
import type { LoghiveError } from '../../src/errors.js';
import { withContext } from '../../src/fields/context.js';
import { internalLogger } from '../../src/internal-logger.js';
import { type PatchConsoleOptions, type PatchedConsole, patchConsole } from '../../transports/console.js';
import { hostileValues } from '../support/hostile-values.mjs';
import { useEnvironment } from '../support/use-environment.js';
import { onEnd } from '../support/use-servers.js';
import { type TestStack, useStack } from '../support/use-stack.js';

let stack: TestStack;

beforeAll(async () => {
  stack = await useStack(41);
});

/** A Node console whose output is kept. */
function useConsole(): { console: Console; printed: () => string } {
  let text = '';
  const stdout = new Writable({
    write(chunk, _encoding, done) {
      text += chunk;
      done();
    },
  });
  return { console: new Console({ stdout, colorMode: false }), printed: () => text };
}

/** Without `hostname` and `pid`, so that `information` has only the fields that were logged. */
function usePatch(options: PatchConsoleOptions = {}) {
  const own = useConsole();
  const service = stack.service();
  const settings = { service, url: stack.broker.url, base: null, console: own.console, ...options };
  return { ...own, service, settings, patched: patch(settings) };
}

function patch(settings: PatchConsoleOptions): PatchedConsole {
  const patched = patchConsole(settings);
  onEnd(() => patched.close());
  return patched;
}

/** The property descriptor of every method. */
const methodsOf = (console: Console): Record<string, PropertyDescriptor> =>
  Object.fromEntries(Object.entries(Object.getOwnPropertyDescriptors(console)));

const messages = async (service: string, count: number) =>
  (await stack.rows(service, count)).map(({ message }) => message);

describe('a patched console', () => {
  test('still prints, and records what it prints', async () => {
    const { console, printed, service, patched } = usePatch();
    console.log('order placed', { order: 7 });
    console.warn('slow');
    await patched.flush();
    expect(printed()).toBe('order placed { order: 7 }\nslow\n');
    expect(
      (await stack.rows(service, 2)).map(({ level, message, information }) => [level, message, information]),
    ).toEqual([
      ['INFO', 'order placed { order: 7 }', { args: ['order placed', { order: 7 }] }],
      ['WARNING', 'slow', { level: 'warn' }],
    ]);
    expect(patched.stats()).toMatchObject({ accepted: 2, confirmed: 2 });
    expect(patched.status().connection.state).toBe('ready');
  });

  test('stops printing with passThrough: false, whichever method is called', async () => {
    const { console, printed, service, patched } = usePatch({ passThrough: false });
    console.log('log');
    console.table([{ a: 1 }]);
    console.count();
    console.time();
    console.timeEnd();
    console.trace('here');
    console.assert(false, 'not so');
    console.group('group');
    console.dir({ a: 1 });
    console.groupEnd();
    console.error({ toString: () => 'x', toJSON: () => console.log('printed by what is encoded') });
    await patched.flush();
    expect(printed()).toBe('printed by what is encoded\n');
    expect((await messages(service, 9)).map((message) => message.split('\n')[0])).toEqual([
      'log',
      '┌─────────┬───┐',
      'default: 1',
      expect.stringMatching(/^default: [\d.]+ms$/),
      'Trace: here',
      'Assertion failed: not so',
      'group',
      '{ a: 1 }',
      expect.stringMatching(/^{$|^{ toString/),
    ]);
  });

  test('has methods that can be passed on as functions', async () => {
    const { console, service, patched } = usePatch();
    const { log, error } = console;
    await Promise.resolve('each').then(log);
    await Promise.reject(new Error('failed')).catch(error);
    await patched.flush();
    expect(await messages(service, 2)).toEqual(['each', expect.stringMatching(/^Error: failed\n/)]);
  });

  test('has methods with the names and properties of the original ones', () => {
    const plain = useConsole();
    const { console } = usePatch();
    for (const [name, { value, ...rest }] of Object.entries(methodsOf(plain.console))) {
      const { value: now, ...attributes } = methodsOf(console)[name] as PropertyDescriptor;
      expect(attributes).toEqual(rest);
      if (typeof value === 'function') expect(now.name).toBe(value.name.replace(/^bound /, ''));
    }
  });

  test('adds the fields of the context and of the process', async () => {
    const { console, service, patched } = usePatch({ base: { region: 'eu' } });
    withContext({ requestId: 'r1' }, () => console.log('within'));
    await patched.flush();
    expect((await stack.rows(service, 1))[0]?.information).toEqual({ region: 'eu', requestId: 'r1' });
  });

  test('names only the innermost 20 open groups', async () => {
    const { console, service, patched } = usePatch();
    for (let number = 0; number < 30; number++) console.group(`group ${number}`);
    console.log('within');
    await patched.flush();
    const row = (await stack.rows(service, 31)).at(-1);
    expect(row?.information.group).toEqual(Array.from({ length: 20 }, (_, number) => `group ${number + 10}`));
  });

  test('hides the fields that redact names', async () => {
    const { console, service, patched } = usePatch({ redact: ['args[*].password'] });
    console.log({ password: 'secret', user: 'a' });
    await patched.flush();
    expect((await stack.rows(service, 1))[0]?.information).toEqual({ args: [{ password: '[Redacted]', user: 'a' }] });
  });

  test.each<['paths' | 'the preset', string[] | string]>([
    ['paths', ['args[*].params.sig']],
    ['the preset', 'http'],
  ])('hides secrets in the label of a group and in records within it, by %s', async (_how, redact) => {
    const { console, service, patched } = usePatch({ redact: redact as 'http' });
    console.group('order', { params: { sig: 'hunter2' } });
    console.log('within');
    await patched.flush();
    const rows = await stack.rows(service, 2);
    expect(JSON.stringify(rows)).not.toContain('hunter2');
    expect(rows.at(-1)?.information.group).toEqual([
      expect.stringMatching(/^order \{ params: \{ sig: '\[Redacted\]' \} \}$/),
    ]);
  });

  test.each<[string, (console: Console, secret: string) => void, RegExp]>([
    [
      'a list of names and values',
      (own, secret) => own.error('a', { rawHeaders: ['X-My-Token', secret] }),
      /^a \{ rawHea/,
    ],
    ['pairs', (own, secret) => own.log('%s %o', 'b', [['my-token', secret]]), /^b \[/],
    ['a query', (own, secret) => own.log({ params: { key: secret } }), /^{ params: { key: '\[Redacted\]' } }$/],
    ['a name and a value', (own, secret) => own.dir([{ name: 'X-My-Token', value: secret }], { depth: 5 }), /^\[/],
    ['a table', (own, secret) => own.table([{ key: 'my-token', value: secret }]), /^┌/],
    [
      'a failed assertion',
      (own, secret) => own.assert(false, 'c', { params: { sig: secret } }),
      /^Assertion failed: c {/,
    ],
    [
      'a trace',
      (own, secret) => own.trace('d', { params: { sig: secret } }),
      /^Trace: d {[\s\S]+\n {4}at [\s\S]+console.test/,
    ],
    ['a group', (own, secret) => own.group('e', { params: { sig: secret } }), /^e {/],
    [
      'a time',
      (own, secret) => {
        own.time('f');
        own.timeLog('f', { params: { sig: secret } });
      },
      /^f: [\d.]+m?s {/,
    ],
    [
      'an error',
      (own, secret) => own.error('g', Object.assign(new TypeError('h'), { config: { params: { code: secret } } })),
      /^g TypeError: h\n {4}at [\s\S]+ {\n {2}config: { params: { code: '\[Redacted\]' } }\n}$/,
    ],
  ])('hides secrets in the message and in the arguments: %s', async (_what, call, message) => {
    const { console, service, patched } = usePatch({ redact: 'http' });
    call(console, 'S3CRET');
    await patched.flush();
    const [row] = await stack.rows(service, 1);
    expect(JSON.stringify(row)).not.toContain('S3CRET');
    expect(row?.message).toMatch(message);
  });

  test('stores 64 KiB of the arguments, so that huge ones are not slow', async () => {
    const { console, service, patched } = usePatch();
    console.log('huge', { list: Array.from({ length: 100_000 }, (_, number) => ({ number })), text: 'x'.repeat(1000) });
    await patched.flush();
    const [row] = await stack.rows(service, 1);
    expect(JSON.stringify(row?.information).length).toBeLessThan(100 * 1024);
    expect(JSON.stringify(row?.information.args)).toMatch(/…\[cut \d+ more\]/);
  });

  test('throws only what Node throws, and loses nothing, whatever is printed', async () => {
    const plain = useConsole();
    const { console, printed, service, patched } = usePatch({ maxRecordBytes: 64 * 1024 });
    const thrownBy = (call: () => void) => {
      try {
        call();
        return undefined;
      } catch (error) {
        return String(error);
      }
    };
    let count = 0;
    for (const { name, make } of hostileValues) {
      const calls: ((own: Console) => void)[] = [(own) => own.log(make())];
      // Node itself needs seconds to print the huge ones, and minutes for a table of them.
      if (!/MB|million|thousand|300,000/.test(name)) {
        calls.push(
          (own) => own.error('%s', make()),
          (own) => own.dir(make()),
          (own) => own.table(make()),
        );
      }
      for (const call of calls) {
        const [expected, thrown] = [plain.console, console].map((own) => thrownBy(() => call(own)));
        expect(thrown, name).toBe(expected);
        count++;
      }
      await patched.flush();
    }
    const withoutIds = (text: string) => text.replace(/async_id_symbol\)\]: \d+/g, 'async_id_symbol)]: …');
    expect(withoutIds(printed()) === withoutIds(plain.printed())).toBe(true);
    expect(patched.stats()).toMatchObject({ accepted: count, confirmed: count, dropped: {} });
    expect(await stack.rows(service, count)).toHaveLength(count);
  });

  test('records or counts each call of an application that exhausts its stack', async () => {
    const { console, patched } = usePatch({ passThrough: false, bufferBytes: 64 * 1024 * 1024 });
    let begun = 0;
    let returned = 0;
    const log = (): void => {
      begun++;
      console.log('deep');
      returned++;
      log();
    };
    const dig = (depth: number): void => (depth === 0 ? log() : dig(depth - 1));
    // Starting deeper each time, so that the stack is exhausted at different places.
    for (let depth = 0; depth < 20; depth++) {
      expect(() => dig(depth)).toThrow(RangeError);
      await patched.flush();
    }
    console.log('as ever');
    begun++;
    returned++;
    await patched.flush();
    const { accepted, confirmed, dropped } = patched.stats();
    expect(confirmed + (dropped.INFO?.['call stack full'] ?? 0)).toBe(accepted);
    // A call that threw because the stack was full may or may not have been accepted.
    expect(accepted).toBeGreaterThanOrEqual(returned);
    expect(accepted).toBeLessThanOrEqual(begun);
  });
});

describe('restore()', () => {
  test('restores every method with its original property', () => {
    const { console, settings, patched } = usePatch();
    patched.restore();
    const plain = methodsOf(useConsole().console);
    expect(Object.keys(methodsOf(console))).toEqual(Object.keys(plain));

    const before = methodsOf(console);
    const again = patch(settings);
    expect(methodsOf(console).log?.value).not.toBe(before.log?.value);
    again.restore();
    expect(methodsOf(console)).toEqual(before);
    for (const [name, { value }] of Object.entries(before)) expect(methodsOf(console)[name]?.value).toBe(value);
    again.restore();
    expect(methodsOf(console)).toEqual(before);
  });

  test('restores properties of every kind: inherited, hidden, fixed, computed', () => {
    const parent = useConsole().console;
    const console = Object.create(parent, {
      info: { value: parent.info, writable: false, enumerable: false, configurable: true },
      warn: { get: () => parent.warn, enumerable: true, configurable: true },
    }) as Console;
    const before = Object.getOwnPropertyDescriptors(console);
    const { service, patched } = usePatch({ console });
    console.log('inherited');
    console.info('hidden');
    console.warn('computed');
    expect(Object.getOwnPropertyDescriptor(console, 'info')).toMatchObject({ writable: false, enumerable: false });
    patched.restore();
    expect(Object.getOwnPropertyDescriptors(console)).toEqual(before);
    expect(console.log).toBe(parent.log);
    return expect(messages(service, 3)).resolves.toEqual(['inherited', 'hidden', 'computed']);
  });

  test('ends recording, and keeps earlier records', async () => {
    const { console, printed, service, patched } = usePatch();
    console.log('before');
    patched.restore();
    console.log('after');
    await patched.flush();
    expect(printed()).toBe('before\nafter\n');
    expect(patched.stats().accepted).toBe(1);
    expect(await messages(service, 1)).toEqual(['before']);
  });

  test('is also done by close(), which flushes', async () => {
    const { console, service, patched } = usePatch();
    const { log } = console;
    console.log('before');
    expect(await patched.close()).toEqual({ confirmed: 1, spooled: 0, unsent: 0 });
    expect(console.log).not.toBe(log);
    console.log('after');
    log('after');
    expect(patched.stats().accepted).toBe(1);
    expect(await messages(service, 1)).toEqual(['before']);
  });

  test('leaves a later patch of other code alone, and then only passes calls on', async () => {
    const { console, printed, settings, patched } = usePatch();
    const below = console.log;
    const foreign = (...args: unknown[]) => below('foreign', ...args);
    console.log = foreign;
    patched.restore();
    expect(console.log).toBe(foreign);
    console.log('one');
    expect(printed()).toBe('foreign one\n');
    expect(patched.stats().accepted).toBe(0);

    // Patched again, while the old wrapper is still in the chain: one record per call.
    const again = patch(settings);
    console.log('two');
    expect(again.stats().accepted).toBe(1);
    again.restore();
    expect(console.log).toBe(foreign);
  });

  test('is complete once other code has removed its own patch', () => {
    const { console, patched } = usePatch({ passThrough: false });
    patched.restore();
    const { log } = console;
    const again = patch({ service: 'shop', url: stack.broker.url, console });
    const spy = vi.spyOn(console, 'log');
    again.restore();
    spy.mockRestore();
    console.log('seen');
    expect(console.log).toBe(log);
  });
});

describe('with other patches', () => {
  test('below and above it, each call makes one record, and each patch sees every call', async () => {
    const { console, printed } = useConsole();
    const seen: string[] = [];
    const wrap = (name: string) => {
      const inner = console.log;
      console.log = (...args: unknown[]) => {
        seen.push(name);
        inner(`${name}:`, ...args);
      };
    };
    wrap('below');
    const { service, patched } = usePatch({ console });
    wrap('above');
    console.log('text');
    await patched.flush();
    expect(seen).toEqual(['above', 'below']);
    expect(printed()).toBe('below: above: text\n');
    expect(await messages(service, 1)).toEqual(['above: text']);
  });

  test('a table() of other code that prints row by row makes one record', async () => {
    const { console } = useConsole();
    console.table = (rows: unknown[]) => {
      for (const row of rows) console.log('row', row);
    };
    const { service, patched } = usePatch({ console });
    console.table([1, { a: 2 }]);
    await patched.flush();
    expect((await stack.rows(service, 1))[0]).toMatchObject({
      message: 'row 1\nrow { a: 2 }',
      information: { method: 'table', args: [[1, { a: 2 }]] },
    });
  });

  test("counters, timers and tables are recorded even if a console prints in its own way, like Jest's", async () => {
    const printed: string[] = [];
    const { console } = useConsole();
    const own = ['count', 'countReset', 'time', 'timeLog', 'timeEnd', 'assert', 'table', 'group'] as const;
    for (const name of own) console[name] = () => printed.push(name);
    const { service, patched } = usePatch({ console });
    console.count();
    console.count();
    console.countReset();
    console.count();
    console.time('t');
    console.timeLog('t', 'so far', { a: 1 });
    console.timeEnd('t');
    console.timeEnd('t');
    console.assert(false, 'no', 'way');
    console.assert(false, { a: 1 } as never);
    console.assert(true);
    console.table([{ a: 1 }]);
    console.group('label');
    await patched.flush();
    expect(printed).toHaveLength(13);
    expect(await messages(service, 9)).toEqual([
      'default: 1',
      'default: 2',
      'default: 1',
      expect.stringMatching(/^t: [\d.]+ms so far { a: 1 }$/),
      expect.stringMatching(/^t: [\d.]+ms$/),
      'Assertion failed: no way',
      'Assertion failed { a: 1 }',
      '┌─────────┬───┐\n│ (index) │ a │\n├─────────┼───┤\n│ 0       │ 1 │\n└─────────┴───┘',
      'label',
    ]);
  });

  test('a method that throws still throws, and its call is recorded', async () => {
    const { console } = useConsole();
    const broken = new Error('EPIPE');
    console.log = () => {
      throw broken;
    };
    const { service, patched } = usePatch({ console });
    expect(() => console.log('lost at the terminal')).toThrow(broken);
    console.error('as ever');
    await patched.flush();
    expect(await messages(service, 2)).toEqual(['lost at the terminal', 'as ever']);
  });

  test('a frozen console is not changed, which is reported', () => {
    const reported = vi.spyOn(internalLogger, 'warning').mockImplementation(() => {});
    onEnd(() => reported.mockRestore());
    const { console, printed } = useConsole();
    const { patched } = usePatch({ console: Object.freeze(console) });
    console.log('text');
    expect(printed()).toBe('text\n');
    expect(patched.stats().accepted).toBe(0);
    expect(reported.mock.calls[0]?.[0]).toMatch(
      /^patchConsole: console\.log, .*cannot be replaced because the console is frozen/,
    );
    patched.restore();
  });
});

describe('a console that is patched twice', () => {
  test('with the same settings is patched once, until the last handle is restored', async () => {
    const { console, service, settings, patched: first } = usePatch({ lingerMs: 7 });
    const { log } = console;
    const second = patch({ ...settings });
    expect(console.log).toBe(log);
    console.log('once');
    first.restore();
    first.restore();
    console.log('still');
    await first.close();
    console.log('after the first was closed');
    await second.flush();
    expect(second.stats().accepted).toBe(3);
    second.restore();
    expect(console.log).not.toBe(log);
    console.log('not any more');
    expect(await messages(service, 3)).toEqual(['once', 'still', 'after the first was closed']);
  });

  test('for two services records each call for both of them', async () => {
    const one = usePatch();
    const two = usePatch({ console: one.console });
    one.console.log('both');
    one.patched.restore();
    one.console.log('second only');
    await Promise.all([one.patched.flush(), two.patched.flush()]);
    expect(one.printed()).toBe('both\nsecond only\n');
    expect(await messages(one.service, 1)).toEqual(['both']);
    expect(await messages(two.service, 2)).toEqual(['both', 'second only']);
  });

  test('prints unless one of the patches has passThrough: false', () => {
    const { console, printed, settings } = usePatch();
    const silent = patch({ ...settings, passThrough: false });
    console.log('kept');
    silent.restore();
    console.log('printed');
    expect(printed()).toBe('printed\n');
  });

  test('with different redact paths records each call by both', async () => {
    const { console, service, settings, patched } = usePatch();
    patch({ ...settings, redact: ['args[*].password'] });
    console.log({ password: 'secret' });
    await patched.flush();
    expect((await stack.rows(service, 2)).map(({ information }) => information.args[0].password).sort()).toEqual([
      '[Redacted]',
      'secret',
    ]);
  });
});

describe('options', () => {
  test.each<[string, unknown, string]>([
    [
      'an option of every integration',
      { service: 'shop', lingerMs: -1 },
      'patchConsole: option "lingerMs" is -1, expected an integer from 0 to 10000 (milliseconds).',
    ],
    [
      'passThrough',
      { service: 'shop', passThrough: 'no' },
      'patchConsole: option "passThrough" is "no", expected true or false.',
    ],
    [
      'console',
      { service: 'shop', console: {} },
      'patchConsole: option "console" is an object, expected a console, such as new Console(process.stdout).',
    ],
    ['an unknown one', { service: 'shop', passThru: false }, 'patchConsole: unknown option "passThru".'],
    ['no options', 'shop', "patchConsole: the options are text, expected an object such as { service: 'shop' }."],
  ])('are refused by name if they are invalid, and the console is not changed: %s', (_what, options, sentence) => {
    const { log } = console;
    expect(() => patchConsole(options as PatchConsoleOptions)).toThrow(sentence);
    expect(console.log).toBe(log);
  });

  test('must include a service', () => {
    useEnvironment();
    expect(() => patchConsole()).toThrow('patchConsole: option "service" is missing.');
  });

  test('leave the console unchanged with enabled: false, even with passThrough: false', async () => {
    const { console, printed } = useConsole();
    const { log } = console;
    const patched = patch({ enabled: false, console, passThrough: false });
    console.log('text');
    expect(console.log).toBe(log);
    expect(printed()).toBe('text\n');
    expect(patched.stats().accepted).toBe(0);
    expect(await patched.close()).toEqual({ confirmed: 0, spooled: 0, unsent: 0 });
  });
});

describe('events', () => {
  test('are the same as those of every integration, and have typed arguments', async () => {
    const patched = patch({
      service: 'shop',
      url: 'amqp://127.0.0.1:1',
      exitTimeoutMs: 0,
      console: useConsole().console,
    });
    patched.on('warning', (error) => expectTypeOf(error).toEqualTypeOf<LoghiveError>());
    const [error] = await once(patched, 'warning');
    expect(error.code).toBe('LOGHIVE_BROKER_UNREACHABLE');
  });

  test('have listeners whose output is printed, but not recorded', async () => {
    const { console, printed } = useConsole();
    const patched = patch({ service: 'shop', url: 'amqp://127.0.0.1:1', exitTimeoutMs: 0, console });
    let warnings = 0;
    patched.on('warning', ({ code }) => {
      warnings++;
      console.error('heard', code);
    });
    await once(patched, 'warning');
    console.log('then');
    expect(printed()).toBe('heard LOGHIVE_BROKER_UNREACHABLE\nthen\n');
    expect(patched.stats().accepted).toBe(1);
    await patched.close();
    expect(warnings).toBeLessThan(5);
  });

  test('are not affected by a listener that throws', async () => {
    const reported = vi.spyOn(internalLogger, 'error').mockImplementation(() => {});
    onEnd(() => reported.mockRestore());
    const { console, patched, service } = usePatch();
    patched.on('connect', () => {
      throw new Error('broken');
    });
    console.log('text');
    await patched.flush();
    expect(await messages(service, 1)).toEqual(['text']);
    expect(reported.mock.calls[0]?.[0]).toBe('a listener of "connect" threw: broken');
  });
});
