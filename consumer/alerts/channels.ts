/** The configured channels, and the test notice of `loghive alerts test`. */
import os from 'node:os';
import { LoghiveError } from '../../src/errors.js';
import { uuidv7 } from '../../src/uuid.js';
import { createMailer } from './mailer.js';
import type { Channel, ChannelName } from './notice.js';
import type { AlertSettings } from './settings.js';
import { createWebhook } from './webhook.js';

/** The channels that are configured. */
export function channelsOf({ mail, webhook, redact }: AlertSettings): Channel[] {
  return [...(mail ? [createMailer(mail, redact)] : []), ...(webhook ? [createWebhook(webhook, redact)] : [])];
}

export interface TestResult {
  readonly channel: ChannelName;
  /** Destination. */
  readonly target: string;
  readonly accepted: boolean;
  /** The response, or why it was rejected and what to do. */
  readonly answer: string;
}

/** @throws LoghiveError LOGHIVE_INVALID_OPTION if no channel is configured. */
export async function sendTestNotice(settings: AlertSettings): Promise<TestResult[]> {
  const channels = channelsOf(settings);
  if (channels.length === 0) {
    throw new LoghiveError(
      'LOGHIVE_INVALID_OPTION',
      'no alert channel is configured: set ENABLE_EMAIL_MONITORING=True with EMAIL_HOST, EMAIL_SENDER_EMAIL and EMAIL_SENDER_PASSWORD, or set ALERT_WEBHOOK_URL.',
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
