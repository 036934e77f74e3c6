/** The systemd unit. Whether its sandbox works can only be tested where systemd runs services. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { uniqueName, useBroker, useChild, useDatabase } from '../support/use-servers.js';
import { eventually } from '../support/wait.mjs';
import { STOP_MS, textOf, useInstallation } from './files.js';

const UNIT = 'systemd/loghive-consumer.service';
const lines = textOf(UNIT)
  .split('\n')
  .filter((line) => /^\w+=/.test(line));
const unit = new Map(lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));

const analyze = ['/usr/bin/systemd-analyze', '/bin/systemd-analyze'].find((file) => existsSync(file));

const verified = 'systemd-analyze verifies the unit without a word';
test(analyze ? verified : `not run without systemd-analyze: ${verified}`, async () => {
  if (!analyze) return;
  const place = useInstallation();
  const file = path.join(place, 'loghive-consumer.service');
  await writeFile(file, textOf(UNIT).replaceAll('/opt/loghive', place));
  const verify = (name: string) => spawnSync(analyze, ['verify', name], { encoding: 'utf8' });
  const { status, stdout, stderr } = verify(file);
  expect({ status, output: `${stdout}${stderr}` }).toEqual({ status: 0, output: '' });
  // It does find errors.
  await writeFile(file, (await readFile(file, 'utf8')).replace('[Service]', '[Service]\nRestartSecs=5'));
  expect(verify(file).stderr).toContain('RestartSecs');
});

test('the restart settings have the values that Loghive needs', () => {
  expect(Object.fromEntries(unit)).toMatchObject({
    Type: 'notify',
    NotifyAccess: 'all',
    Restart: 'always',
    RestartPreventExitStatus: '2',
    TimeoutStartSec: 'infinity',
    StartLimitIntervalSec: '0',
  });
  expect(Number(unit.get('TimeoutStopSec')) * 1000).toBeGreaterThan(STOP_MS);
  // JavaScript is compiled at run time.
  expect(unit.has('MemoryDenyWriteExecute')).toBe(false);
});

test('the command of the unit stores records until systemd stops it, and notifies systemd', {
  timeout: 60_000,
}, async () => {
  const [broker, database] = await Promise.all([useBroker(), useDatabase()]);
  const place = useInstallation();
  const notified = path.join(place, 'notified');
  await writeFile(path.join(place, 'systemd-notify'), `#!/bin/sh\necho "$@" >> '${notified}'\n`);
  await chmod(path.join(place, 'systemd-notify'), 0o755);
  const [command, ...args] = unit.get('ExecStart')!.replaceAll('/opt/loghive', place).split(' ');
  const child = useChild(args[0]!, {
    nodePath: command!,
    args: args.slice(1),
    cwd: unit.get('WorkingDirectory')!.replace('/opt/loghive', place),
    inheritEnv: false,
    env: {
      PATH: `${place}:${path.dirname(process.execPath)}:/usr/bin:/bin`,
      NOTIFY_SOCKET: '/run/systemd/notify',
      WATCHDOG_USEC: String(Number(unit.get('WatchdogSec')) * 1_000_000),
      LOGHIVE_URL: broker.url,
      LOGHIVE_DATABASE_URL: database.url,
      SERVICE_NAMES: uniqueName('svc'),
      CONSUMER_HTTP_PORT: '0',
    },
  });
  await eventually(async () => expect(await readFile(notified, 'utf8')).toContain('--ready\n'), { withinMs: 30_000 });
  await child.kill('SIGTERM');
  expect(await child.exited).toEqual({ code: 0, signal: null });
  expect(await readFile(notified, 'utf8')).toContain('--stopping\n');
});

test('an invalid setting causes the exit status after which systemd does not restart it', async () => {
  const place = useInstallation();
  const [command] = unit.get('ExecStart')!.replace('/opt/loghive', place).split(' ');
  const env = { PATH: `${path.dirname(process.execPath)}:/usr/bin:/bin`, LOGHIVE_DATABASE_URL: 'http://localhost' };
  const child = useChild('consume', { nodePath: command!, cwd: place, inheritEnv: false, env });
  expect((await child.exited).code).toBe(Number(unit.get('RestartPreventExitStatus')));
});
