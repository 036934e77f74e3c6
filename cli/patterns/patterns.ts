/** `loghive patterns [query]`: the stored records, grouped by the shape of their messages. */
import { migrationConfig } from '../../consumer/store-settings.js';
import { openRecordReader } from '../../query/index.js';
import { openEnvironment } from '../../src/config.js';
import { errorText } from '../error-text.js';
import { interruptible } from '../interruptible.js';
import type { Messages } from '../messages.js';
import { openProgress } from '../progress.js';
import { queryArgument } from '../search/query-argument.js';
import { formatOptions } from '../view/format-options.js';
import { noticesOf } from './notices.js';
import { type PatternCommandOptions, planOf } from './pattern-options.js';
import { printPatterns } from './print-patterns.js';

/** The same exit codes as grep. */
const NOTHING_FOUND = 1;
const FAILED = 2;

export async function patterns(
  words: readonly string[],
  options: PatternCommandOptions,
  messages: Messages,
): Promise<void> {
  try {
    const environment = openEnvironment();
    const query = queryArgument('patterns', words, environment);
    const format = formatOptions('patterns', options, environment, process.stdout);
    const plan = planOf(options, format.timeZone);
    const context = { until: plan.reading.until, schema: options.schema, timeZone: options.timeZone };
    const shown = { ...format, name: options.output, plan, context };
    const say = (sentence: string) => messages.report('loghive patterns', sentence);
    const reader = openRecordReader(
      migrationConfig('patterns', { databaseUrl: options.databaseUrl, schema: options.schema }),
    );
    try {
      // Ctrl-C ends the reading; what was found until then is shown.
      await interruptible(async (stop) => {
        const { since, until, timeoutMs } = plan.reading;
        for (const warning of await reader.warnings(query, { since, until, timeoutMs, signal: stop })) say(warning);
        const progress = openProgress('records read', undefined, messages);
        const found = await reader
          .patterns(query, { ...plan.reading, stop, onProgress: progress.at })
          .finally(progress.end);
        const isRead = await printPatterns(found, shown, stop.aborted ? undefined : environment);
        if (isRead) for (const notice of noticesOf(found, plan, options.output, format.timeZone)) say(notice);
        if (found.patterns.length === 0 && !stop.aborted) process.exitCode = NOTHING_FOUND;
      });
    } finally {
      await reader.close();
    }
  } catch (error) {
    messages.write(errorText(error));
    process.exitCode = FAILED;
  }
}
