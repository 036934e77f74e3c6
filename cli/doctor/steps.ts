/** Runs the steps of `loghive doctor`: one after the other, each within a time limit, and none whose condition failed. */
import { type Finding, failed, failedWith, skipped, type Verdict } from './verdict.js';

export interface Step {
  readonly name: string;
  /** Steps of the same section without which this one finds nothing. */
  readonly needs?: readonly string[];
  /** The server that is asked, `host:port`. It is named if it does not answer. */
  readonly server?: string;
  /** In milliseconds. Default 8000. */
  readonly limitMs?: number;
  /**
   * Looks, and judges what it saw. A rejection is a fault as well.
   *
   * @param signal aborted when the time is up.
   */
  readonly run: (signal: AbortSignal) => Promise<Verdict | readonly Verdict[]>;
}

export interface SectionOptions {
  readonly section: string;
  readonly steps: readonly Step[];
  readonly onFinding: (finding: Finding) => Promise<void> | void;
}

const LIMIT_MS = 8000;

export async function runSection({ section, steps, onFinding }: SectionOptions): Promise<void> {
  /** Steps that did not pass, and the step that is the reason. */
  const causes = new Map<string, string>();
  for (const step of steps) {
    const missing = step.needs?.find((name) => causes.has(name));
    const cause = missing === undefined ? undefined : causes.get(missing);
    const reason = cause === undefined ? undefined : `"${cause}" failed`;
    const verdicts = reason === undefined ? await runStep(step) : [skipped(reason)];
    const isPassed = reason === undefined && verdicts.every(({ state }) => state !== 'failed');
    if (!isPassed) causes.set(step.name, cause ?? step.name);
    for (const verdict of verdicts) await onFinding({ section, step: step.name, ...verdict });
  }
}

async function runStep({ run, server, limitMs = LIMIT_MS }: Step): Promise<readonly Verdict[]> {
  const limit = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Verdict>((resolve) => {
    timer = setTimeout(() => {
      limit.abort();
      resolve(tooLate(server, limitMs));
    }, limitMs);
  });
  try {
    const verdicts = await Promise.race([run(limit.signal), late]);
    return 'state' in verdicts ? [verdicts] : verdicts;
  } catch (error) {
    return [failedWith(error, 'See the log of the server.')];
  } finally {
    clearTimeout(timer);
  }
}

function tooLate(server: string | undefined, limitMs: number): Verdict {
  const seconds = limitMs / 1000;
  return failed(
    server === undefined ? `not finished within ${seconds} s` : `${server} did not answer within ${seconds} s`,
    'Check its load and its log, and the network between both machines.',
  );
}
