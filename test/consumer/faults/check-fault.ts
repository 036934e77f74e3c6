/** What every fault must satisfy: nothing is lost, and everything that the consumer reports is true while it lasts. */
import { expect } from 'vitest';
import { eventually, sleep } from '../../support/wait.mjs';
import { type Stage, watchReadiness } from './stage.js';

export interface Fault {
  /** Completes a title that ends with "while …". */
  readonly name: string;
  /** Causes the fault. @returns a function that removes it. */
  readonly begin: (stage: Stage) => Promise<() => Promise<unknown>>;
  /** The checks of `/readyz` that fail meanwhile, with their reasons. */
  readonly checks: Readonly<Record<string, RegExp>>;
  /** The warning in the log that reports it, with a remedy. */
  readonly warning: RegExp;
  /** The line that reports its end. Default: storage works again. */
  readonly over?: RegExp;
  /** Series of `/metrics` meanwhile. */
  readonly series: Readonly<Record<string, number>>;
  /** How long it lasts, in milliseconds. Default 3000. */
  readonly lastsMs?: number;
  /** Records logged at the same time. Default 1, so that one of the two workers is idle and notices nothing. */
  readonly first?: number;
  /** Default 6. */
  readonly mostWarnings?: number;
  /** Whether records stored earlier are lost with it. */
  readonly losesTable?: boolean;
}

/** How long until a fault is noticed: some seconds, longer on a busy machine. */
const NOTICED_MS = 20_000;
/** How long until its end is noticed: the longest pause between two attempts, plus the duration of one. */
const BACK_MS = 45_000;
/**
 * Warnings of one fault: each reason is logged once, and an outage may have several (the session ends, then the server
 * does not listen, then it starts).
 */
const MOST_WARNINGS = 6;

export async function checkFault(stage: Stage, fault: Fault): Promise<void> {
  const { consumer } = stage;
  const over = fault.over ?? /INFO storage works again/;
  const linesFrom = (from: number, pattern: RegExp) => consumer.lines.slice(from).filter((line) => pattern.test(line));
  await stage.started();
  stage.log(10);
  await stage.allStoredOnce();
  await eventually(async () => expect(await stage.probe('/readyz')).toEqual({ status: 200, reasons: {} }));
  const before = consumer.lines.length;
  if (fault.losesTable) stage.forget();

  const removeFault = await fault.begin(stage);
  stage.log(fault.first ?? 1);
  const reasons = Object.fromEntries(
    Object.entries(fault.checks).map(([name, reason]) => [name, expect.stringMatching(reason)]),
  );
  await eventually(async () => expect(await stage.probe('/readyz')).toEqual({ status: 503, reasons }), {
    withinMs: NOTICED_MS,
    what: '/readyz tells of it',
  });
  const ready = watchReadiness(stage, 503);
  const stopLogging = stage.logSteadily();
  await consumer.waitForLine(fault.warning, NOTICED_MS, { from: before });
  await sleep(fault.lastsMs ?? 3000);
  // A restart would not help.
  expect(await stage.probe('/livez')).toEqual({ status: 200, reasons: {} });
  expect(await stage.probe('/startupz')).toEqual({ status: 200, reasons: {} });
  expect(await stage.status()).toMatchObject({
    health: 'unhealthy',
    reasons: expect.arrayContaining(Object.values(fault.checks).map((reason) => expect.stringMatching(reason))),
  });
  const series = await stage.series();
  for (const [name, value] of Object.entries({ 'loghive_health{state="unhealthy"}': 1, ...fault.series })) {
    expect([name, series.get(name)]).toEqual([name, value]);
  }
  expect(await ready()).toEqual([]);
  expect(linesFrom(before, over)).toEqual([]);

  await removeFault();
  await consumer.waitForLine(over, BACK_MS, { from: before });
  await eventually(async () => expect(await stage.probe('/readyz')).toEqual({ status: 200, reasons: {} }), {
    withinMs: BACK_MS,
  });
  stopLogging();
  await stage.allStoredOnce();
  await eventually(async () => expect(await stage.status()).toMatchObject({ health: 'ok', reasons: [] }), {
    withinMs: BACK_MS,
  });
  const after = await stage.series();
  for (const name of Object.keys(fault.series)) expect(after.get(name)).not.toBe(fault.series[name]);
  expect(linesFrom(before, /^\S+ \S+ (?:WARNING|ERROR) /).length).toBeLessThanOrEqual(
    fault.mostWarnings ?? MOST_WARNINGS,
  );
  expect(linesFrom(before, over)).toHaveLength(1);
  await stage.end();
}
