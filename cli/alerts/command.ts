/** `loghive alerts …`: its subcommands and their options. */
import type { Command } from 'commander';
import { LoghiveError } from '../../src/errors.js';
import { printableLine } from '../../src/printable.js';
import { counted } from '../../src/sentence.js';
import { Expected, shown } from '../../src/settings/option.js';
import type { DatabaseOptions } from '../subcommand.js';
import { addDatabaseOptions, addOutputOption, type OutputFormat, subcommand } from '../subcommand.js';
import { parseTime } from '../time-option.js';

type Options = DatabaseOptions & { output: OutputFormat };

export function alertsCommand(root: Command): void {
  const group = subcommand(root, 'alerts')
    .summary('test and preview alerts')
    .description('Test and preview the alerts that the consumer sends by e-mail and webhook.');
  addOutputOption(subcommand(group, 'test'))
    .summary('send a test alert')
    .description('Send a test alert through each configured channel and print the response.')
    .action(testAlerts);
  addOutputOption(addDatabaseOptions(subcommand(group, 'preview', ['loghive alerts preview --since 24h'])))
    .summary('show which alerts the stored records would have caused')
    .description(
      'Apply the configured rules and limits to stored errors, and print the e-mails they would have caused. Sends nothing.',
    )
    .option('--since <time>', 'start of the period: an age (90m, 24h, 7d) or a time', '7d')
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
  const summary = `${counted(alone, 'single error', 'single errors')}, ${counted(digests, 'digest')}`;
  process.stdout.write(
    `${counted(notices.length, 'mail')} since ${preview.since.slice(0, 19)}Z (${summary}), of ${counted(errors, 'ERROR or CRITICAL record', 'ERROR and CRITICAL records')}. Nothing was sent.\n`,
  );
}

function timeSince(text: string, nowMs: number): number {
  try {
    const ms = Date.parse(parseTime(text, nowMs));
    if (ms <= nowMs) return ms;
  } catch (error) {
    if (!(error instanceof Expected)) throw error;
  }
  throw new LoghiveError(
    'LOGHIVE_INVALID_OPTION',
    `alerts preview: option --since is ${shown(text)}, expected an age such as 90m, 24h, 7d or 2w, or a time in the past such as 2026-01-31T10:00:00Z.`,
  );
}
