import { describe, expect, it } from 'vitest';
import type { OpenConnection } from '../../src/amqp/open-connection.js';
import type { OutgoingMessage, PublishChannel, PublishOutcome } from '../../src/amqp/publish-channel.js';
import type { Level } from '../../src/level.js';
import { producerConfig } from '../../src/producer-config.js';
import { Account } from '../../src/publisher/account.js';
import { Dispatch, WINDOW_BYTES, WINDOW_MESSAGES } from '../../src/publisher/dispatch.js';
import { ArrivalOrder, BodyPool } from '../../src/publisher/frames.js';
import { FRAME_BYTES } from '../../src/publisher/lane.js';
import { Lanes } from '../../src/publisher/lanes.js';
import { eventually } from '../support/wait.mjs';

const { queues } = producerConfig('test', { service: 'shop' });
const FRAMES_OF_WINDOW = WINDOW_BYTES / FRAME_BYTES;

interface Sent {
  level: string;
  bytes: number;
  settle(outcome: PublishOutcome): void;
}

/** A publish channel on which a message is settled only when the test does so. */
function useDispatch(size: 'full' | 'small' = 'full') {
  const sent: Sent[] = [];
  const renewed: string[] = [];
  let attempts = 0;
  let broken = false;
  let bytesInFlight = 0;
  let takesMs = 0;
  const publishChannel = {
    openConnection: { serverVersion: '3.10.8' } as OpenConnection,
    get bytesInFlight() {
      return bytesInFlight;
    },
    get messagesInFlight() {
      return sent.length;
    },
    connection: { reconnect: (reason: string) => renewed.push(reason) },
    topology: { ensure: async () => {} },
    publish({ routingKey, body }: OutgoingMessage, settled: (outcome: PublishOutcome) => void) {
      if (attempts++ > 100_000) throw new Error('it never stops');
      if (broken) return settled('lost');
      for (const until = performance.now() + takesMs; performance.now() < until; );
      bytesInFlight += body.length;
      const each: Sent = {
        level: routingKey.split('.').at(-1)!,
        bytes: body.length,
        settle(outcome) {
          bytesInFlight -= body.length;
          sent.splice(sent.indexOf(each), 1);
          settled(outcome);
        },
      };
      sent.push(each);
    },
  };
  const lanes: Lanes = new Lanes({
    recordsPerMessage: 1,
    bodies: new BodyPool(FRAME_BYTES, 0),
    arrivalOrder: new ArrivalOrder(),
    resume: () => dispatch.pump(),
    onService: () => {},
  });
  const dispatch: Dispatch = new Dispatch(
    publishChannel as unknown as PublishChannel,
    lanes,
    { lingerMs: 0, queues, bufferBytes: 2 * WINDOW_BYTES },
    async () => false,
    ({ lane }, frame, outcome) => {
      if (outcome !== 'confirmed') return lane.giveBack(frame);
      lane.confirmed(frame);
      dispatch.pump();
    },
  );
  const line = size === 'full' ? 'x'.repeat(FRAME_BYTES - 1) : 'small';
  const lineBytes = line.length + 1;
  return {
    dispatch,
    sent,
    renewed,
    attempts: () => attempts,
    break: () => {
      broken = true;
    },
    slowDown: () => {
      takesMs = 0.2;
    },
    replace: () => {
      broken = false;
      publishChannel.openConnection = { serverVersion: '3.10.8' } as OpenConnection;
      dispatch.reopened();
    },
    inFlight: (level: string) => sent.filter((each) => each.level === level).length,
    log(level: Level, frames: number) {
      const { lane } = lanes.of('shop', level);
      for (let frame = 0; frame < frames; frame++) lane.add(line, lineBytes, 0, new Account());
      dispatch.now();
    },
  };
}

describe('a channel that throws although its connection looks open', () => {
  it('is abandoned immediately, and a new one takes over', async () => {
    const broker = useDispatch();
    broker.log('INFO', 1);
    await eventually(() => expect(broker.inFlight('info')).toBe(1));
    broker.break();
    broker.log('INFO', 3);
    broker.log('INFO', 3);
    expect(broker.attempts()).toBe(2);
    expect(broker.renewed).toEqual(['the publishing channel accepts no more messages']);
    broker.replace();
    await eventually(() => expect(broker.inFlight('info')).toBe(7));
  });
});

describe('the window of messages in flight', () => {
  it('is filled by a lane that is alone, and not exceeded', async () => {
    const { log, inFlight } = useDispatch();
    log('INFO', 2 * FRAMES_OF_WINDOW);
    // A frame's body lacks the last line break, so it is a byte shorter than the size that is counted.
    await eventually(() => expect(inFlight('info')).toBe(FRAMES_OF_WINDOW + 1));
    log('INFO', 1);
    expect(inFlight('info')).toBe(FRAMES_OF_WINDOW + 1);
  });

  it('is shared, so that a lane without confirms does not hold up another one', async () => {
    const { log, inFlight, sent } = useDispatch();
    log('INFO', 2 * FRAMES_OF_WINDOW);
    await eventually(() => expect(inFlight('info')).toBeGreaterThanOrEqual(FRAMES_OF_WINDOW));
    log('ERROR', FRAMES_OF_WINDOW);
    await eventually(() => expect(inFlight('error')).toBe(FRAMES_OF_WINDOW / 2));
    const stuck = inFlight('info');
    // All of these are sent, and the lane without confirms gets no larger share meanwhile.
    for (let confirmed = 0; confirmed < FRAMES_OF_WINDOW; confirmed++) {
      await eventually(() => expect(inFlight('error')).toBeGreaterThan(0));
      sent.find(({ level }) => level === 'error')!.settle('confirmed');
    }
    await new Promise(setImmediate);
    expect(inFlight('error')).toBe(0);
    expect(inFlight('info')).toBe(stuck);
  });

  it('belongs to one lane again once the others have nothing left to send', async () => {
    const { log, inFlight, sent } = useDispatch();
    log('ERROR', 2);
    log('INFO', 2 * FRAMES_OF_WINDOW);
    await eventually(() => expect(inFlight('error')).toBe(2));
    for (const each of sent.filter(({ level }) => level === 'error')) each.settle('confirmed');
    await eventually(() => expect(inFlight('info')).toBe(FRAMES_OF_WINDOW + 1));
  });

  it('is limited by the number of messages as well, because small ones do not fill it by their bytes', async () => {
    const { log, inFlight, sent } = useDispatch('small');
    log('INFO', 2 * WINDOW_MESSAGES);
    await eventually(() => expect(inFlight('info')).toBe(WINDOW_MESSAGES));
    log('ERROR', WINDOW_MESSAGES);
    await eventually(() => expect(inFlight('error')).toBe(WINDOW_MESSAGES / 2));
    sent[0]!.settle('confirmed');
    await new Promise(setImmediate);
    expect(sent).toHaveLength(WINDOW_MESSAGES * 1.5 - 1);
  });
});

describe('the event loop of the application', () => {
  it('keeps turning while many messages are published, however often publishing is requested', async () => {
    const { log, sent, dispatch, slowDown } = useDispatch('small');
    slowDown();
    log('INFO', 200);
    await eventually(() => expect(sent.length).toBeGreaterThan(0));
    let most = 0;
    while (sent.length < 200) {
      const before = sent.length;
      for (let request = 0; request < 100; request++) dispatch.pump();
      await new Promise(setImmediate);
      most = Math.max(most, sent.length - before);
    }
    // Publishing one takes 0.2 ms: a turn publishes a few, and never all that wait.
    expect(most).toBeLessThan(20);
  });
});
