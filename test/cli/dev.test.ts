import { execFile } from 'node:child_process';
import { chownSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { promisify } from 'node:util';
import { connect } from 'amqplib';
import pg from 'pg';
import { describe, expect, test } from 'vitest';
import { exists } from '../../cli/embedded/process-identity.js';
import type { Child } from '../support/child.mjs';
import { freePort } from '../support/ports.mjs';
import { onEnd, uniqueName, useBroker, useChild, useDatabase } from '../support/use-servers.js';
import { eventually } from '../support/wait.mjs';
import { useTerminal } from './dev-terminal.js';
import { devAs, program, root, STARTS, useProject } from './use-dev.js';

function dev(cwd: string, args: string[] = [], env: Record<string, string> = {}): Child {
  return useChild(program, { args: ['dev', '--port', '0', ...args], cwd, env });
}

const LINES = /^ {2}(import .* from 'loghive\/winston';)\n {2}(const options = .*;\n {2}logger\.add\(.*\);)$/m;
const DATABASE = /^ {2}db='?([^'\n]+)/m;

/** Pastes the printed lines into an application and logs. */
function application(cwd: string, lines: RegExpMatchArray, statement: string): Child {
  const file = path.join(cwd, 'app.js');
  const [, first, second] = lines;
  writeFileSync(
    file,
    `import winston from 'winston';\n${first}\nconst logger = winston.createLogger();\n${second}\n${statement}\n`,
  );
  return useChild(file, { cwd });
}

async function messagesIn(shown: string): Promise<string[]> {
  const url = new URL(shown);
  const passFile = url.searchParams.get('passfile')!;
  url.search = '';
  const line = readFileSync(passFile, 'utf8')
    .split('\n')
    .find((each) => each.includes(`:${url.username}:`));
  url.password = line!.split(':').at(-1)!;
  const client = new pg.Client(url.href);
  await client.connect();
  try {
    const { rows } = await client.query('SELECT message FROM logs.records ORDER BY ts, id');
    return rows.map(({ message }) => message);
  } finally {
    await client.end();
  }
}

const textOf = (child: Child) => child.lines.join('\n');

/** The welcome text. */
async function welcomeOf(child: Child): Promise<{ lines: RegExpMatchArray; databaseUrl: string }> {
  await child.waitForLine(/^Ctrl-C stops everything/, 30_000);
  const lines = LINES.exec(textOf(child));
  const database = DATABASE.exec(textOf(child));
  if (!lines) throw new Error(`no lines to paste in:\n${textOf(child)}`);
  return { lines, databaseUrl: database?.[1] ?? '' };
}

/** Content of the lock file: empty if unlocked. */
function ownerOf(project: string): string {
  const folder = path.join(project, '.loghive');
  const [owner = ''] = readdirSync(folder).filter((name) => /^owner\.\d+$/.test(name));
  return readFileSync(path.join(folder, owner), 'utf8');
}

/** Publishes arbitrary bytes as one message, like a foreign program. */
async function publish(url: string, key: string, body: string): Promise<void> {
  const connection = await connect(url);
  const channel = await connection.createConfirmChannel();
  channel.publish('logs_exchange', key, Buffer.from(body), { contentType: 'application/json', deliveryMode: 2 });
  await channel.waitForConfirms();
  await connection.close();
}

function processesIn(folder: string): string[] {
  const pidFile = path.join(folder, '.loghive', 'postgres', 'data', 'postmaster.pid');
  try {
    const pid = Number(readFileSync(pidFile, 'utf8').split('\n')[0]);
    process.kill(pid, 0);
    return [`PostgreSQL ${pid}`];
  } catch {
    return [];
  }
}

describe('loghive dev in a terminal', () => {
  test(
    'an application logs with the lines it prints, records are shown, and are there the next time',
    STARTS,
    async () => {
      const project = useProject();
      const terminal = useTerminal(`${process.execPath} ${program} dev --port 0`, { cwd: project });
      const lines = await terminal.shows(LINES);
      expect(lines[2]).toContain("service: 'till'");
      const app = application(project, lines, "logger.error('payment failed', new Error('card refused'));");
      expect(await app.exited).toEqual({ code: 0, signal: null });
      await terminal.shows(/\x1b\[31mERROR.*till.*payment failed[\s\S]*Error: card refused/);
      terminal.type('\x03');
      expect(await terminal.ended).toBe(0);
      expect(processesIn(project)).toEqual([]);

      const again = useTerminal(`${process.execPath} ${program} dev --port 0`, { cwd: project });
      const [, databaseUrl] = await again.shows(DATABASE);
      expect(await messagesIn(databaseUrl!)).toEqual(['payment failed card refused']);
      again.type('\x03');
      expect(await again.ended).toBe(0);
    },
  );

  test('an application that only uses console.log is recorded with the command line shown', STARTS, async () => {
    const project = useProject();
    const terminal = useTerminal(`${process.execPath} ${program} dev --port 0`, { cwd: project });
    const [, line] = await terminal.shows(/^ {2}(LOGHIVE_SERVICE=till .* \\\n {2}node --import .* app\.js)$/m);
    writeFileSync(path.join(project, 'app.js'), "console.log('printed');");
    const { stdout } = await promisify(execFile)('sh', ['-c', line!], { cwd: project });
    expect(stdout).toBe('printed\n');
    await terminal.shows(/INFO.*till.*printed/);
    terminal.type('\x03');
    expect(await terminal.ended).toBe(0);
  });

  test(
    'the address of the database that it prints, passwords in a file, serves the other commands as well',
    STARTS,
    async () => {
      const project = useProject();
      const child = dev(project, ['--data', 'my data']);
      const { databaseUrl } = await welcomeOf(child);
      const migrate = useChild(program, { args: ['migrate', '--database-url', databaseUrl], cwd: project });
      expect(await migrate.exited).toEqual({ code: 0, signal: null });
      expect(migrate.lines).toEqual(['the schema is up to date.']);
      const search = useChild(program, { args: ['search', '--count', '--database-url', databaseUrl], cwd: project });
      await search.exited;
      expect(search.stdout).toEqual(['0']);
      await child.kill('SIGTERM');
    },
  );

  test('its output contains no password', STARTS, async () => {
    const project = useProject();
    const terminal = useTerminal(`${process.execPath} ${program} dev --port 0`, { cwd: project });
    const [, databaseUrl] = await terminal.shows(DATABASE);
    const passFile = new URL(databaseUrl!).searchParams.get('passfile')!;
    const passwords = readFileSync(passFile, 'utf8')
      .trim()
      .split('\n')
      .map((line) => line.split(':').at(-1)!);
    expect(passwords.length).toBeGreaterThan(0);
    for (const password of passwords) expect(terminal.text()).not.toContain(password);
    terminal.type('\x03');
    expect(await terminal.ended).toBe(0);
  });

  test.each([0, 5, 500, 1000])(
    'pressing Ctrl-C twice %i ms after the start leaves no process',
    STARTS,
    async (afterMs) => {
      const project = useProject();
      const terminal = useTerminal(`${process.execPath} ${program} dev --port 0`, { cwd: project });
      await terminal.started;
      await new Promise((resolve) => setTimeout(resolve, afterMs));
      terminal.type('\x03');
      terminal.type('\x03');
      await terminal.ended;
      await eventually(() => expect(processesIn(project)).toEqual([]));
    },
  );
});

describe('loghive dev', () => {
  test('after SIGKILL restarts with all stored records on the same port', STARTS, async () => {
    const project = useProject();
    // Port 0 would apply to this run only.
    const first = dev(project, ['--port', String(await freePort())]);
    const { lines } = await welcomeOf(first);
    await application(project, lines, "logger.info('before');").exited;
    await first.waitForLine(/before/);
    await first.kill('SIGKILL');

    const second = useChild(program, { args: ['dev'], cwd: project });
    const { lines: linesAgain, databaseUrl } = await welcomeOf(second);
    expect(linesAgain[2]).toBe(lines[2]);
    await application(project, lines, "logger.info('after');").exited;
    await second.waitForLine(/after/);
    expect(await messagesIn(databaseUrl)).toEqual(['before', 'after']);
    await second.kill('SIGTERM');
    expect(await second.exited).toEqual({ code: 0, signal: null });
    expect(processesIn(project)).toEqual([]);
  });

  test('reports an unusable data directory', STARTS, async () => {
    const project = useProject();
    writeFileSync(path.join(project, 'file'), '');
    const begun = performance.now();
    const child = dev(project, ['--data', 'file']);
    expect(await child.exited).toEqual({ code: 1, signal: null });
    // It does not wait for anything: stopping a consumer may take nine seconds.
    expect(performance.now() - begun).toBeLessThan(8000);
    expect(child.lines).toEqual([expect.stringMatching(/^loghive: directory .*file cannot be used: EEXIST/)]);
  });

  test('a second one in the same directory reports which process uses it', STARTS, async () => {
    const project = useProject();
    const first = dev(project);
    await welcomeOf(first);
    const second = dev(project);
    expect(await second.exited).toEqual({ code: 1, signal: null });
    expect(second.lines).toEqual([
      expect.stringMatching(
        new RegExp(`^loghive: directory .*\\.loghive is in use by process ${first.pid}\\. Stop it first`),
      ),
    ]);
    await first.kill('SIGTERM');
  });

  test('with --json writes only JSON to stdout, one object per line', STARTS, async () => {
    const project = useProject();
    const child = dev(project, ['--json', '--data', 'elsewhere']);
    const { lines } = await welcomeOf(child);
    await application(project, lines, "for (let n = 0; n < 50; n++) logger.warn('low', { n });").exited;
    await eventually(() => expect(child.stdout).toHaveLength(50));
    const records = child.stdout.map((line) => JSON.parse(line));
    expect(records.map(({ information }) => information.n)).toEqual(Array.from({ length: 50 }, (_, n) => n));
    expect(records[0]).toMatchObject({ service: 'till', level: 'WARNING', message: 'low' });
    await child.kill('SIGTERM');
    expect(await child.exited).toEqual({ code: 0, signal: null });
    expect(readFileSync(path.join(project, 'elsewhere', '.gitignore'), 'utf8')).toBe('*\n');
    // Port 0 was for that run only.
    expect(readdirSync(path.join(project, 'elsewhere'))).not.toContain('broker-port');
  });

  test('with --show stores everything and shows what matches, without repeating host and pid', STARTS, async () => {
    const project = useProject();
    const child = dev(project, ['--show', 'level>=warning n:1,2,3']);
    const { lines, databaseUrl } = await welcomeOf(child);
    await application(
      project,
      lines,
      "for (let n = 1; n < 6; n++) logger.log(n === 2 ? 'info' : 'warn', 'low', { n });",
    ).exited;
    await eventually(async () => expect(await messagesIn(databaseUrl)).toHaveLength(5));
    await child.waitForLine(/n=3/);
    expect(child.stdout).toEqual([
      expect.stringMatching(/ {2}WARNING {3}till {2}low {2}n=1 (?:pid=\d+ hostname=\S+|hostname=\S+ pid=\d+)$/),
      expect.stringMatching(/ {2}WARNING {3}till {2}low {2}n=3$/),
    ]);
    await child.kill('SIGTERM');
  });

  test('with --show refuses an invalid query before it starts anything', STARTS, async () => {
    const child = useChild(program, { args: ['dev', '--show', 'level:eror'], cwd: useProject() });
    expect(await child.exited).toEqual({ code: 2, signal: null });
    expect(child.lines.slice(0, 3)).toEqual([
      'loghive: dev: the query is invalid at character 7:',
      '    level:eror',
      '          ^^^^',
    ]);
  });

  test('logs the name the broker announces', STARTS, async () => {
    const child = dev(useProject(), [], { LOG_LEVEL: 'INFO' });
    await child.waitForLine(
      /INFO connected to Loghive development broker \d+\.\d+\.\d+ at 127\.0\.0\.1:\d+\.$/,
      30_000,
    );
    expect(await child.kill('SIGTERM')).toEqual({ code: 0, signal: null });
  });

  test('with --quiet stores records without printing them', STARTS, async () => {
    const project = useProject();
    const child = dev(project, ['--quiet']);
    const { lines, databaseUrl } = await welcomeOf(child);
    await application(project, lines, "logger.info('unseen');").exited;
    await eventually(async () => expect(await messagesIn(databaseUrl)).toEqual(['unseen']));
    // The search command of docs/searching.md without psql, verbatim.
    const page = readFileSync(path.join(root, 'docs/searching.md'), 'utf8');
    const snippet = /```sh\n(node -e "\n.*?)```/s.exec(page)![1]!.replace('PORT', new URL(databaseUrl).port);
    symlinkSync(path.join(root, 'node_modules', 'pg'), path.join(project, 'node_modules', 'pg'));
    const { stdout, stderr } = await promisify(execFile)('sh', ['-c', snippet], { cwd: project });
    expect(stdout).toMatch(/'INFO'.*'unseen'/);
    expect(stderr).toBe('');
    expect(child.stdout).toEqual([]);
    expect(textOf(child)).not.toMatch(/appear below/);
    await child.kill('SIGTERM');
  });

  test('stops when the shell npx started it in is killed, which forwards no signal', STARTS, async () => {
    const project = useProject();
    const command = `"${process.execPath}" "${program}" dev --port 0 --quiet; true`;
    const shell = useChild('-c', {
      nodePath: '/bin/sh',
      args: [command],
      cwd: project,
      env: { npm_lifecycle_event: 'npx' },
    });
    await shell.waitForLine(/^Ctrl-C stops everything/, 30_000);
    const { pid } = JSON.parse(ownerOf(project));
    onEnd(() => {
      if (ownerOf(project) !== '') process.kill(pid, 'SIGKILL');
    });
    process.kill(shell.pid!, 'SIGTERM');
    await eventually(() => expect(ownerOf(project)).toBe(''), { withinMs: 30_000 });
    expect(processesIn(project)).toEqual([]);
  });

  test("keeps running in the background when the script's shell that started it exits", STARTS, async () => {
    const project = useProject();
    const shell = useChild('-c', {
      nodePath: '/bin/sh',
      args: [`"${process.execPath}" "${program}" dev --port 0 --quiet </dev/null & read line`],
      cwd: project,
      env: { npm_lifecycle_event: 'start' },
    });
    const { lines, databaseUrl } = await welcomeOf(shell);
    const { pid } = JSON.parse(ownerOf(project));
    onEnd(() => {
      if (ownerOf(project) !== '') process.kill(pid, 'SIGKILL');
    });
    shell.stdin.end();
    await eventually(() => expect(exists(shell.pid!)).toBe(false));
    // The parent process is checked once per second.
    await application(project, lines, "logger.info('one'); setTimeout(() => logger.info('two'), 2000);").exited;
    await eventually(async () => expect(await messagesIn(databaseUrl)).toEqual(['one', 'two']));
    expect(textOf(shell)).not.toMatch(/is gone: stopping/);
    process.kill(pid, 'SIGTERM');
    expect(await shell.exited).toMatchObject({ signal: null });
    expect(ownerOf(project)).toBe('');
  });

  test("stores the broker's messages before it exits", STARTS, async () => {
    const project = useProject();
    const child = dev(project, ['--quiet']);
    const { lines } = await welcomeOf(child);
    await application(project, lines, "for (let n = 0; n < 5000; n++) logger.info('many');").exited;
    await child.kill('SIGINT');
    expect(await child.exited).toEqual({ code: 0, signal: null });
    expect(textOf(child)).not.toMatch(/gone with the development broker/);
    const again = dev(project, ['--quiet']);
    const { databaseUrl } = await welcomeOf(again);
    expect(await messagesIn(databaseUrl)).toHaveLength(5000);
    await again.kill('SIGTERM');
  });

  test.each([
    ['its messages and its output', '2>&1 | head -1'],
    ['its messages and its output, before it writes any', '2>&1 | true'],
    ['its messages', '2>&1 >/dev/null | head -1'],
  ])('stops gracefully, with PostgreSQL, when the reader of %s has gone', STARTS, async (_what, readers) => {
    const project = useProject();
    // Frequent log lines, so that the closed pipe is noticed at the next one.
    const command = `LOG_LEVEL=INFO ${process.execPath} ${program} dev --port 0 ${readers}; echo ended`;
    const { stdout } = await promisify(execFile)('bash', ['-c', command], { cwd: project });
    expect(stdout).toMatch(/ended\n$/);
    // The shell only waits for the last command of a pipeline.
    await eventually(() => expect(ownerOf(project)).toBe(''), { withinMs: 30_000 });
    expect(processesIn(project)).toEqual([]);
  });

  test('keeps storing while its terminal is suspended (Ctrl-S), and prints the records later', STARTS, async () => {
    const project = useProject();
    const terminal = useTerminal(`${process.execPath} ${program} dev --port 0`, { cwd: project });
    const lines = await terminal.shows(LINES);
    const [, databaseUrl] = await terminal.shows(DATABASE);
    terminal.type('\x13');
    const app = application(project, lines, "for (let n = 0; n < 3000; n++) logger.info('record ' + n);");
    expect(await app.exited).toEqual({ code: 0, signal: null });
    await eventually(async () => expect(await messagesIn(databaseUrl!)).toHaveLength(3000), { withinMs: 20_000 });
    terminal.type('\x11');
    await terminal.shows(/record 10\b/);
    terminal.type('\x03');
    expect(await terminal.ended).toBe(0);
  });

  test('stops when its directory is removed, and leaves no process', STARTS, async () => {
    const project = useProject();
    const child = dev(project);
    await welcomeOf(child);
    const [postgres] = processesIn(project);
    // PostgreSQL keeps creating files, so removing the directory may need several attempts.
    await eventually(() => {
      rmSync(path.join(project, '.loghive'), { recursive: true, force: true });
      return true;
    });
    expect(await child.exited).toEqual({ code: 1, signal: null });
    expect(child.lines.at(-1)).toMatch(
      /^loghive: (?:the data )?directory .*(?:was removed|PostgreSQL)|^loghive: PostgreSQL/,
    );
    expect(exists(Number(postgres!.split(' ')[1]))).toBe(false);
  });

  test('prints an error with 5,500 causes and keeps running', STARTS, async () => {
    const project = useProject();
    const child = dev(project, ['--data', 'elsewhere', 'till']);
    const { lines } = await welcomeOf(child);
    const [, url] = /url: '([^']+)'/.exec(lines[2]!)!;
    const causes = '{"name":"Error","message":"m","stack":"Error: m","cause":'.repeat(5500);
    const information = `{"error":${causes}null${'}'.repeat(5500)}}`;
    const line = `{"service":"till","level":"ERROR","message":"deep","information":${information},"timestamp":"2026-01-31T10:30:45Z"}`;
    await publish(url!, 'till.error', line);
    await publish(url!, 'till.error', line.replace('"deep"', '"after it"'));
    await child.waitForLine(/till {2}deep/, 20_000);
    await child.waitForLine(/till {2}after it/, 20_000);
    expect(await child.kill('SIGTERM')).toEqual({ code: 0, signal: null });
  });

  test('writes no .gitignore into a directory with other files', STARTS, async () => {
    const project = useProject();
    writeFileSync(path.join(project, '.gitignore'), 'node_modules\n');
    const child = dev(project, ['--data', '.']);
    await welcomeOf(child);
    expect(await child.kill('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(readFileSync(path.join(project, '.gitignore'), 'utf8')).toBe('node_modules\n');
  });

  test('stops gracefully when the reader of its output has gone', STARTS, async () => {
    const project = useProject();
    const terminal = useTerminal(`sh -c '${process.execPath} ${program} dev --port 0 --json | head -1'`, {
      cwd: project,
    });
    const lines = await terminal.shows(LINES);
    await application(project, lines, "logger.info('one'); setTimeout(() => logger.info('two'), 500);").exited;
    expect(await terminal.ended).toBe(0);
    await eventually(() => expect(processesIn(project)).toEqual([]), { withinMs: 15_000 });
  });
});

describe("loghive dev with the user's own servers", () => {
  test('uses LOGHIVE_URL and LOGHIVE_DATABASE_URL, and needs no directory', STARTS, async () => {
    const [broker, database] = await Promise.all([useBroker(), useDatabase()]);
    const project = useProject();
    const service = uniqueName('till');
    const env = { LOGHIVE_URL: broker.url, LOGHIVE_DATABASE_URL: database.url };
    const child = useChild(program, { args: ['dev', service], cwd: project, env });
    const { lines } = await welcomeOf(child);
    expect(lines[2]).toContain("const options = { service: 'till' };");
    const { host, port, pathname } = new URL(broker.url);
    const text = textOf(child);
    expect(text).toContain('with LOGHIVE_URL in its environment');
    expect(text).toContain(`your RabbitMQ: amqp://guest:***@${host}${pathname} (environment variable LOGHIVE_URL)`);
    expect(text).toMatch(/your PostgreSQL: postgres:\/\/\S+ \(environment variable LOGHIVE_DATABASE_URL\)/);
    expect(text).toMatch(new RegExp(`^  db=postgres(?:ql)?://\\w+@127\\.0\\.0\\.1:\\d+/${database.name}$`, 'm'));
    expect(port).not.toBe('');
    expect(text).not.toContain('guest:guest');
    const own = [
      lines[0],
      lines[1],
      `logger.add(new LoghiveTransport({ service: '${service}', url: '${broker.url}' }));`,
    ];
    await application(project, own as unknown as RegExpMatchArray, "logger.info('real');").exited;
    await child.waitForLine(/real/);
    expect(await database.query('SELECT message FROM logs.records')).toEqual([{ message: 'real' }]);
    await child.kill('SIGTERM');
    expect(await child.exited).toEqual({ code: 0, signal: null });
  });

  test("never uses DATABASE_URL, which is the application's", STARTS, async () => {
    const database = await useDatabase();
    const project = useProject();
    const child = dev(project, [], { DATABASE_URL: database.url });
    await welcomeOf(child);
    expect(await database.query("SELECT 1 FROM pg_namespace WHERE nspname = 'logs'")).toEqual([]);
    await child.kill('SIGTERM');
    expect(await child.exited).toEqual({ code: 0, signal: null });
  });
});

describe('usage errors', () => {
  test('reports a port in use', async () => {
    const server = createServer();
    onEnd(() => server.close());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const child = useChild(program, { args: ['dev', '--port', String(port)], cwd: useProject() });
    expect(await child.exited).toEqual({ code: 1, signal: null });
    expect(child.lines).toEqual([
      expect.stringMatching(
        new RegExp(
          `cannot listen on 127\\.0\\.0\\.1:${port}: .*EADDRINUSE.* Another program uses that port; stop it, or choose`,
        ),
      ),
    ]);
  });

  test('reports a port only root may use', async () => {
    const project = useProject();
    if (process.getuid?.() === 0) chownSync(project, 65_534, 65_534);
    const child = devAs(65_534, project, ['--port', '1']);
    expect(await child.exited).toEqual([2, null]);
    expect(child.output()).toMatch(
      /^loghive: option --port is 1, which this user may not listen on .*from 1024 up.*\.\n$/,
    );
  });

  test.each([
    [['--port', 'http'], /option --port is "http", expected a port from 1 to 65535, or 0/],
    [['--port', '70000'], /option --port is "70000"/],
    [['--port', ''], /option --port is ""/],
    [['--port', '0', '--url', 'amqp://h'], /option --port applies to the development broker.*Remove one of them\.$/],
    [['--quiet', '--json'], /option '--quiet' cannot be used with option '--json'/],
    [['--data', ''], /option --data is "", expected a directory\.$/],
    [['bad name'], /"bad name"/],
    [['--database-url', 'mysql://x'], /mysql/],
    [['--color'], /unknown option '--color'/],
  ])('%j prints one line and starts nothing', async (args, line) => {
    const project = useProject();
    const child = useChild(program, { args: ['dev', ...args], cwd: project });
    expect(await child.exited).toEqual({ code: 2, signal: null });
    expect(child.lines).toEqual([expect.stringMatching(line)]);
  });
});
