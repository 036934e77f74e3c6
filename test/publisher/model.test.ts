/**
 * Random sequences of logging calls, outcomes of publishing, a disk that fails, and ends of the process, against a model:
 * nothing is lost without being counted, nothing is sent twice by one process, the order of a lane is kept, and the
 * counts are right after each step. A failure prints its seed and the shortest sequence.
 */
import fs, { utimesSync } from 'node:fs';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Level } from '../../src/level.js';
import { Account } from '../../src/publisher/account.js';
import { Backlog } from '../../src/publisher/backlog.js';
import { DropCounter } from '../../src/publisher/drop-counter.js';
import { ArrivalOrder, BodyPool, type Frame } from '../../src/publisher/frames.js';
import { FRAME_BYTES, type Lane } from '../../src/publisher/lane.js';
import { Lanes } from '../../src/publisher/lanes.js';
import { Adoption } from '../../src/publisher/spool/adoption.js';
import { Spool } from '../../src/publisher/spool/spool.js';
import { filesIn, KIB, MIB, useFolder } from './spool/use-publishers.js';

vi.mock('node:fs', { spy: true });

const { writeSync } = await vi.importActual<typeof fs>('node:fs');

const SERVICE = 'shop';
const BUFFER_BYTES = 200 * KIB;
const LEVELS = ['INFO', 'ERROR'] as const;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

interface LaneStep {
  readonly do: 'send' | 'load' | 'confirm' | 'give back';
  readonly level: Level;
  readonly at: number;
}

type Step =
  | LaneStep
  | { readonly do: 'log'; readonly level: Level; readonly bytes: number; readonly count: number }
  | { readonly do: 'reconnect' | 'disk away' | 'disk back' | 'end' | 'kill' }
  | { readonly do: 'limit'; readonly bytes: number };

interface Settings {
  readonly mode: 'overflow' | 'always';
  readonly recordsPerMessage: number;
}

/** One process: the parts of a publisher without a connection. */
class Process {
  readonly spool: Spool;
  readonly lanes: Lanes;
  readonly backlog: Backlog;
  readonly drops = new DropCounter(() => {});
  readonly account = new Account();
  readonly inFlight = new Map<Lane, Frame[]>();
  /** Numbers that were sent in each lane. */
  readonly sent = new Map<Lane, Set<number>>();
  readonly #adoption: Adoption;
  accepted = 0;

  constructor(dir: string, { mode, recordsPerMessage }: Settings) {
    this.spool = new Spool({ dir, maxBytes: MIB, mode, fsync: false }, { hosts: [] }, () => {});
    this.lanes = new Lanes({
      recordsPerMessage,
      bodies: new BodyPool(FRAME_BYTES, FRAME_BYTES),
      arrivalOrder: new ArrivalOrder(BUFFER_BYTES / 16),
      spool: this.spool,
      resume: () => {},
      onService: () => {},
    });
    this.backlog = new Backlog(this.lanes, this.drops, BUFFER_BYTES, this.spool);
    this.#adoption = new Adoption(
      this.spool,
      (service, level, segment) => this.lanes.replay(service, level, segment),
      () => {},
    );
  }

  async start(): Promise<void> {
    this.#adoption.add(SERVICE);
    while (this.#adoption.isLooking) await new Promise(setImmediate);
  }

  stop(): void {
    this.#adoption.stop();
    this.drops.hold();
  }

  lanesOf(level: Level): Lane[] {
    return [...this.backlog.lanes()].filter((lane) => lane.level === level);
  }

  /** As `Publisher.accept()`. */
  accept(level: Level, line: string): void {
    const bytes = Buffer.byteLength(line) + 1;
    this.accepted++;
    if (bytes - 1 > this.lanes.largestBody) {
      this.drops.count({ service: SERVICE, level }, 'larger than the broker allows', 1);
      return;
    }
    if (!this.backlog.makeRoom(level, bytes)) {
      this.drops.count({ service: SERVICE, level }, 'buffer full', 1);
      return;
    }
    const { lane } = this.lanes.of(SERVICE, level);
    const before = lane.bytes;
    lane.add(line, bytes, Date.now(), this.account);
    this.backlog.added(lane.bytes - before);
    this.account.pending++;
  }

  async load(lane: Lane): Promise<void> {
    if (lane.mustLoad) await this.backlog.load(lane, () => {});
  }

  /** @returns the numbers of the records of a message. */
  send(lane: Lane): number[] | undefined {
    if (!lane.hasWaiting && !lane.mustLoad) lane.cut();
    const frame = lane.take();
    if (!frame) return undefined;
    this.inFlight.set(lane, [...(this.inFlight.get(lane) ?? []), frame]);
    return numbersOf(frame);
  }

  /** Takes a message out of those in flight. Undefined if there is none, or it was dropped. */
  landed(lane: Lane, at: number): Frame | undefined {
    const frames = this.inFlight.get(lane) ?? [];
    const [frame] = frames.splice(at % Math.max(1, frames.length), 1);
    return frame && lane.isInFlight(frame) ? frame : undefined;
  }
}

const lineOf = (number: number, bytes: number) => JSON.stringify({ number, filler: 'x'.repeat(bytes) });
const numbersOf = ({ body }: Frame): number[] =>
  body
    .toString()
    .split('\n')
    .map((line) => JSON.parse(line).number);

class Model {
  readonly #dir = useFolder();
  readonly #settings: Settings;
  #process: Process;
  #isDiskAway = false;
  #hasDiskFailed = false;
  #number = 0;
  readonly #confirmed = new Set<number>();
  #dropped = 0;
  /** Records that were only in the memory of a process that was killed. */
  #killed = 0;
  #ends = 0;

  constructor(settings: Settings) {
    this.#settings = settings;
    this.#process = new Process(this.#dir, settings);
    vi.mocked(fs.writeSync).mockImplementation(((...args: Parameters<typeof fs.writeSync>) => {
      if (this.#isDiskAway) throw Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC' });
      return writeSync(...args);
    }) as typeof fs.writeSync);
  }

  async run(step: Step): Promise<void> {
    await this.#do(step);
    this.#check();
  }

  async #do(step: Step): Promise<void> {
    const process = this.#process;
    if (step.do === 'log') {
      for (let n = 0; n < step.count; n++) process.accept(step.level, lineOf(this.#number++, step.bytes));
    } else if (step.do === 'limit') {
      for (const _ of process.backlog.limitBodies(step.bytes));
    } else if (step.do === 'disk away') {
      this.#isDiskAway = true;
      this.#hasDiskFailed = true;
    } else if (step.do === 'disk back') {
      this.#isDiskAway = false;
      vi.advanceTimersByTime(6000);
    } else if (step.do === 'reconnect') {
      for (const lane of process.backlog.lanes()) this.#giveAllBack(lane);
    } else if (step.do === 'end') {
      await this.#end();
    } else if (step.do === 'kill') {
      await this.#kill();
    } else {
      await this.#send(step as LaneStep);
    }
  }

  async #send({ do: what, level, at }: LaneStep): Promise<void> {
    const process = this.#process;
    const lanes = process.lanesOf(level);
    const lane = lanes[at % Math.max(1, lanes.length)];
    if (!lane) return;
    if (what === 'load') await process.load(lane);
    else if (what === 'send') this.#sendOne(lane);
    else {
      const frame = process.landed(lane, at);
      if (frame && what === 'confirm') this.#confirm(lane, frame);
      else if (frame) lane.giveBack(frame);
    }
  }

  #sendOne(lane: Lane): boolean {
    const numbers = this.#process.send(lane);
    if (!numbers) return false;
    const sent = this.#process.sent.get(lane) ?? new Set();
    this.#process.sent.set(lane, sent);
    const highest = Math.max(-1, ...sent);
    // Only what was sent before may come after later ones, or what could not be written at once in mode 'always'.
    if (!this.#hasDiskFailed) expect(numbers.filter((number) => number < highest && !sent.has(number))).toEqual([]);
    if (!this.#hasDiskFailed) expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
    for (const number of numbers) sent.add(number);
    return true;
  }

  #confirm(lane: Lane, frame: Frame): void {
    for (const number of numbersOf(frame)) {
      if (this.#ends === 0) expect(this.#confirmed.has(number)).toBe(false);
      this.#confirmed.add(number);
    }
    this.#process.backlog.confirm(lane, frame);
  }

  #giveAllBack(lane: Lane): void {
    for (let frame = this.#process.landed(lane, 0); frame; frame = this.#process.landed(lane, 0)) lane.giveBack(frame);
  }

  async #end(): Promise<void> {
    const { backlog, spool } = this.#process;
    const { spooled, unsent } = backlog.leave('unsent at exit', true);
    const { pending, pendingBytes, adopted } = backlog.counts();
    expect({ pending, pendingBytes }).toEqual({ pending: 0, pendingBytes: 0 });
    const { account } = this.#process;
    if (adopted === 0) expect(spooled + unsent).toBe(account.pending + account.unsent);
    spool.release();
    await this.#next();
  }

  async #kill(): Promise<void> {
    const { pending } = this.#process.backlog.counts();
    if (this.#settings.mode === 'overflow' || this.#hasDiskFailed) this.#killed += pending;
    // A killed process of another container: nobody touches its files.
    const longAgo = new Date(Date.now() - 3_600_000);
    for (const file of filesIn(this.#dir)) utimesSync(file, longAgo, longAgo);
    await this.#next();
  }

  async #next(): Promise<void> {
    this.#ends++;
    this.#dropped += this.#process.drops.total;
    this.#process.stop();
    this.#process = new Process(this.#dir, this.#settings);
    await this.#process.start();
  }

  #check(): void {
    const { backlog, accepted, account, lanes } = this.#process;
    const counts = backlog.counts();
    expect(counts.accepted).toBe(accepted);
    expect(Math.min(counts.pending, counts.spooled, counts.pendingBytes)).toBeGreaterThanOrEqual(0);
    let [bytes, records] = [0, 0];
    for (const { lane } of lanes.own()) {
      bytes += lane.bytes;
      records += lane.records + lane.spooled;
    }
    for (const { lane } of lanes.replays()) bytes += lane.bytes;
    expect({ bytes, records }).toEqual({ bytes: counts.pendingBytes, records: account.pending });
  }

  /** The broker confirms everything that is left. */
  async finish(): Promise<void> {
    await this.#do({ do: 'disk back' });
    for (let round = 0; ; round++) {
      expect(round).toBeLessThan(5000);
      const { backlog, lanes } = this.#process;
      for (const lane of backlog.lanes()) {
        this.#giveAllBack(lane);
        await this.#process.load(lane);
        while (this.#sendOne(lane)) this.#confirm(lane, this.#process.landed(lane, 0)!);
      }
      if (lanes.busy === 0) break;
    }
    this.#check();
    const { backlog, lanes, drops, account, spool } = this.#process;
    expect({ ...backlog.counts(), account: account.pending }).toMatchObject({
      pending: 0,
      pendingBytes: 0,
      spooled: 0,
      account: 0,
    });
    await lanes.settled();
    const missing = this.#number - this.#confirmed.size;
    const dropped = this.#dropped + drops.total + this.#killed;
    if (this.#ends === 0) expect(missing).toBe(dropped);
    else expect(missing).toBeLessThanOrEqual(dropped);
    this.#process.stop();
    spool.release();
    expect(filesIn(this.#dir)).toEqual([]);
  }
}

const level = fc.constantFrom(...LEVELS);
const at = fc.nat(7);
const often = { weight: 6 };
const sometimes = { weight: 1 };
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  {
    ...often,
    arbitrary: fc.record({
      do: fc.constant('log' as const),
      level,
      bytes: fc.constantFrom(10, 1000, 20 * KIB, 70 * KIB),
      count: fc.integer({ min: 1, max: 12 }),
    }),
  },
  {
    weight: 14,
    arbitrary: fc.record({ do: fc.constantFrom('send', 'load', 'confirm', 'give back'), level, at }),
  },
  {
    ...sometimes,
    arbitrary: fc.record({ do: fc.constantFrom('reconnect', 'disk away', 'disk back', 'end', 'kill') }),
  },
  { ...sometimes, arbitrary: fc.record({ do: fc.constant('limit' as const), bytes: fc.constant(30 * KIB) }) },
);

test(
  'random steps lose nothing that is not counted, and send nothing twice or out of order',
  { timeout: 120_000 },
  () =>
    fc.assert(
      fc.asyncProperty(
        fc.record({ mode: fc.constantFrom('overflow', 'always'), recordsPerMessage: fc.constantFrom(1, 1e9) }),
        fc.array(anyStep, { maxLength: 100, size: 'max' }),
        async (settings, steps) => {
          const model = new Model(settings as Settings);
          for (const step of steps) await model.run(step);
          await model.finish();
        },
      ),
      { numRuns: 200 },
    ),
);
