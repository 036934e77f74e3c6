/** `loghive alerts test`: one notice by each channel, and what came of it. */
import os from 'node:os';
import { LoghiveError } from '../../src/errors.js';
import { uuidv7 } from '../../src/uuid.js';
import { channelsOf } from './alerts.js';
import type { ChannelName } from './notice.js';
import type { AlertSettings } from './settings.js';

export interface TestResult {
  readonly channel: ChannelName;
  /** Where to. */
  readonly target: string;
  readonly accepted: boolean;
  /** What was answered, or why it was not accepted and what to do. */
  readonly answer: string;
}

/** @throws LoghiveError LOGHIVE_INVALID_OPTION where no channel is set. */
export async function sendTestNotice(settings: AlertSettings): Promise<TestResult[]> {
  const channels = channelsOf(settings);
  if (channels.length === 0) {
    throw new LoghiveError(
      'LOGHIVE_INVALID_OPTION',
      'no alerts are set up: set ENABLE_EMAIL_MONITORING=True with EMAIL_HOST, EMAIL_SENDER_EMAIL and EMAIL_SENDER_PASSWORD, or set ALERT_WEBHOOK_URL.',
    );
  }
  const notice = { id: uuidv7(Date.now() * 1000), content: { kind: 'test', host: os.hostname() } as const };
  return Promise.all(
    channels.map(async ({ name: channel, target, send }): Promise<TestResult> => {
      try {
        const answer = await send(notice, new AbortController().signal);
        return { channel, target, accepted: true, answer };
      } catch (error) {
        return { channel, target, accepted: false, answer: (error as Error).message };
      }
    }),
  );
}
