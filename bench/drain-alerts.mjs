/**
 * `drain-alerts`: draining full queues with e-mail alerts for the errors among the records (one in twenty) and a mail
 * server that is down, compared with the same drain without alerts.
 */

import { compete, RATE } from './compare.mjs';
import { drainRound, makeTable } from './consumer.mjs';
import { cpuOf } from './cpu.mjs';

const FULL = { rounds: 5, records: 300_000 };
const SHORT = { rounds: 2, records: 150_000 };

/** The port of the discard service, on which nothing listens. */
const MAIL_SERVER_DOWN = {
  ENABLE_EMAIL_MONITORING: 'true',
  EMAIL_HOST: '127.0.0.1',
  EMAIL_PORT: '9',
  EMAIL_SENDER_EMAIL: 'loghive@example.com',
};

const extraMeasures = { consumer: cpuOf('consumer') };

export const drainAlerts = {
  name: 'drain-alerts',
  goal: 0.9,
  measure: RATE,
  extraMeasures,
  theirName: 'no alerts',
  async run(environment, { short }, onRound) {
    const { rounds, records } = short ? SHORT : FULL;
    const filler = await environment.worker('publisher.mjs', 'mixed');
    await makeTable(environment);
    const result = await compete(
      {
        measure: RATE,
        extraMeasures,
        rounds,
        ours: () => drainRound(environment, filler, records, { settings: MAIL_SERVER_DOWN }),
        theirs: () => drainRound(environment, filler, records),
      },
      onRound,
    );
    await filler.end();
    return result;
  },
};
