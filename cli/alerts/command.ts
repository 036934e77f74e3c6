/** `loghive alerts …`: its commands and their options. */
import type { Command } from 'commander';
import { LoghiveError } from '../../src/errors.js';
import { printableLine } from '../../src/printable.js';
import { counted } from '../../src/sentence.js';
import { Expected, shown } from '../../src/settings/option.js';
import { momentOf } from '../moment.js';
import { type OutputFormat, subcommand, withDatabase, withOutput } from '../subcommand.js';
import type { DatabaseOptions } from '../with-tables.js';

type Options = DatabaseOptions & { output: OutputFormat };

export function alertsCommand(root: Command): void {
  const group = subcommand(root, 'alerts')
    .summary('try alerts by e-mail and webhook')
    .description('Tries the alerts that the consumer sends by e-mail and webhook.');
  withOutput(subcommand(group, 'test'))
    .summary('send one now, and show what the server answers')
    .description('Sends one alert by each channel that is set up, and shows what the other side answers.')
    .action(testAlerts);
  withOutput(withDatabase(subcommand(group, 'preview')))
    .summary('show which mails there would have been for what is stored')
    .description(
      'Shows which mails the rules and limits that are set would have made of the errors that are stored. Sends nothing.',
    )
    .option('--since <time>', 'how far to look back: 90m, 24h, 7d, or a time', '7d')
    .action((options: Options & { since: string }) => previewOfAlerts(options));
}

async function testAlerts({ output }: { output: OutputFormat }): Promise<void> {
  const { alertConfig } = await import('../../consumer/alerts/settings.js');
  const { sendTestNotice } = await import('../../consumer/alerts/channels.js');
  const results = await sendTestNotice(alertConfig('alerts test', {}));
  if (output === 'json') {
    process.stdout.write(`${JSON.stringify(results)}\n`);
  } else {
    for (const { channel, target, accepted, answer } of results) {
      const what = accepted ? `${target} accepted it: ${answer}` : `not sent: ${answer}`;
      process.stdout.write(`${channel}: ${printableLine(what)}\n`);
    }
  }
  if (results.some(({ accepted }) => !accepted)) process.exitCode = 1;
}

async function previewOfAlerts({ output, since, ...database }: Options & { since: string }): Promise<void> {
  const { previewAlerts } = await import('../../consumer/alerts/preview.js');
  const { alertConfig } = await import('../../consumer/alerts/settings.js');
  const { migrationConfig } = await import('../../consumer/store-settings.js');
  const nowMs = Date.now();
  const sinceMs = timeSince(since, nowMs);
  const preview = await previewAlerts(
    alertConfig('alerts preview', {}),
    migrationConfig('alerts preview', database),
    sinceMs,
    nowMs,
  );
  if (output === 'json') {
    process.stdout.write(`${JSON.stringify(preview)}\n`);
    return;
  }
  const { notices, errors } = preview;
  for (const { at, subject, records } of notices) {
    process.stdout.write(`${at.slice(0, 19)}Z  ${String(records).padStart(9)}  ${printableLine(subject)}\n`);
  }
  const digests = notices.filter(({ kind }) => kind === 'digest').length;
  const alone = notices.length - digests;
  const summary = `${counted(alone, 'error by itself', 'errors by themselves')}, ${counted(digests, 'digest')}`;
  process.stdout.write(
    `${counted(notices.length, 'mail')} since ${preview.since.slice(0, 19)}Z (${summary}), of ${counted(errors, 'ERROR or CRITICAL record', 'ERROR and CRITICAL records')}. Nothing was sent.\n`,
  );
}

function timeSince(text: string, nowMs: number): number {
  try {
    const ms = Date.parse(momentOf(text, nowMs));
    if (ms <= nowMs) return ms;
  } catch (error) {
    if (!(error instanceof Expected)) throw error;
  }
  throw new LoghiveError(
    'LOGHIVE_INVALID_OPTION',
    `alerts preview: option --since is ${shown(text)}, expected 90m, 24h, 7d, 2w, or a time that has passed, such as 2026-01-31T10:00:00Z.`,
  );
}
