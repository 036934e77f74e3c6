/** What a person does after a deployment that went wrong, in three commands. docs/searching.md explains them. */

/** Fields that say nothing about what happened. */
const HIDE = ['--hide', 'receipt,version'];

/**
 * @param loghive runs the command with arguments. @returns the lines that it prints.
 * @param deployed the time of the deployment
 * @returns the commands and what they printed
 */
export async function investigate(loghive, deployed) {
  const steps = [];
  async function step(...args) {
    const lines = await loghive(args);
    steps.push({ command: ['loghive', ...args.map(shellWord)].join(' '), lines });
    return lines;
  }

  // Which errors are new, and in which service?
  await step('patterns', 'level>=error', '--new-since', deployed, '--commands');
  const patterns = await loghive(['patterns', 'level>=error service:till', '--new-since', deployed, '-o', 'ndjson']);
  const { query, first } = JSON.parse(patterns.find((line) => line.startsWith('{')));
  // The first request that failed.
  const since = `${first.slice(0, 19)}Z`;
  const record = await step('search', query, '--since', since, '--order', 'oldest-first', '-n', '1', ...HIDE);
  const [, id] = /reqId=(\S+)/.exec(record.join('\n'));
  // What it did, in both services.
  await step('search', `trace:${id}`, '--order', 'oldest-first', ...HIDE);
  return steps;
}

function shellWord(text) {
  return /^[\w.:/,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
