/**
 * Posts notices as JSON to a URL, signed. The field `text` is shown by Slack and compatible services.
 *
 *   loghive-signature: t=<epoch seconds>,v1=<HMAC-SHA256 of "<t>.<body>" with the secret, in hex>
 */
import { createHmac } from 'node:crypto';
import { reasonOf } from '../../src/errors.js';
import { type Redact, redaction } from '../../src/fields/redact.js';
import { printableLine } from '../../src/printable.js';
import { type AlertMessage, alertMessage, type MessageBlock } from './message.js';
import { alertFailed, type Channel, isAlertFailure, type Notice, type NoticeContent, recordsOf } from './notice.js';
import { type AlertSettings, type WebhookSettings, webhookTarget } from './settings.js';

/** Request timeout in milliseconds. */
const TIMEOUT_MS = 15_000;
/** Maximum number of bytes to read of a response. */
const MAX_ANSWER_BYTES = 2048;
const VERSION = 1;

/** Answers that may be about the text: a bad request, a firewall for web applications, too large, not processable. */
const CONTENT_REFUSED = [400, 403, 413, 422];

export function createWebhook({ url, secret }: WebhookSettings, redact: AlertSettings['redact']): Channel {
  const redactor: Redact | undefined = redaction(redact);
  const target = webhookTarget(url);
  return {
    name: 'webhook',
    target,
    async send(notice, signal) {
      const body = JSON.stringify(webhookBody(notice, redactor));
      const limit = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
      try {
        const response = await fetch(url, {
          method: 'POST',
          headers: {
            'content-type': 'application/json',
            'user-agent': 'loghive',
            ...(secret !== undefined && {
              'loghive-signature': signature(secret, body, Math.floor(Date.now() / 1000)),
            }),
          },
          body,
          // The redirect target would receive the alert, and could redirect again.
          redirect: 'manual',
          signal: limit,
        });
        // The status decides: a response body that never ends or breaks off does not turn an accepted alert into a
        // failed one.
        const text = await readStart(response).catch(() => '');
        const answer = `${response.status} ${printableLine(text)}`.trim();
        if (response.ok) return answer;
        if (response.status >= 300 && response.status < 400) {
          const to = response.headers.get('location') ?? 'nowhere';
          const where = URL.canParse(to, url) ? webhookTarget(new URL(to, url).href) : 'no valid URL';
          throw alertFailed(
            `${target} answered ${response.status} and redirects to ${where}; redirects are not followed. Set ALERT_WEBHOOK_URL to the final URL.`,
            true,
          );
        }
        const isPermanent = response.status < 500 && response.status !== 408 && response.status !== 429;
        throw alertFailed(
          `${target} answered "${answer}". Check ALERT_WEBHOOK_URL and the service there.`,
          isPermanent,
          undefined,
          CONTENT_REFUSED.includes(response.status),
        );
      } catch (error) {
        if (isAlertFailure(error)) throw error;
        const cause = (error as { cause?: unknown }).cause;
        const why = limit.aborted ? `no answer within ${TIMEOUT_MS / 1000} s` : reasonOf(cause ?? error);
        throw alertFailed(`${target} cannot be reached: ${why}. Check ALERT_WEBHOOK_URL.`, false, error);
      }
    },
  };
}

export function signature(secret: string, body: string, epochSeconds: number): string {
  const digest = createHmac('sha256', secret).update(`${epochSeconds}.${body}`).digest('hex');
  return `t=${epochSeconds},v1=${digest}`;
}

/** Does not wait for the rest. */
async function readStart(response: Response): Promise<string> {
  const reader = response.body?.getReader();
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  while (reader !== undefined && bytes < MAX_ANSWER_BYTES) {
    const { value, done } = await reader.read();
    if (done) break;
    chunks.push(value);
    bytes += value.length;
  }
  await reader?.cancel();
  return Buffer.concat(chunks).subarray(0, MAX_ANSWER_BYTES).toString('utf8').trim().slice(0, 300);
}

/** Documented in docs/alerts.md. */
export function webhookBody({ id, content }: Notice, redactor: Redact | undefined) {
  const message = alertMessage(content, redactor);
  return { text: slackText(message), version: VERSION, id, kind: content.kind, ...detailsOf(content, message) };
}

function detailsOf(content: NoticeContent, message: AlertMessage): Record<string, unknown> {
  switch (content.kind) {
    case 'error': {
      const { shape, service, level, records, first, last, isNew } = content.group;
      const { id, timestamp } = content.example;
      const textOf = (part: MessageBlock['part']) => message.blocks.find((block) => block.part === part)?.text;
      const example = {
        id,
        timestamp,
        message: textOf('message') ?? '',
        error: textOf('error'),
        fields: textOf('fields'),
      };
      return { service, level, shape, title: message.title, new: isNew, count: records, first, last, example };
    }
    case 'digest':
      return {
        count: recordsOf(content.groups) + content.more.records,
        groups: content.groups.map(({ shape, service, level, records, first, last, isNew }, at) => {
          return { service, level, shape, title: message.rows[at]?.title, new: isNew, count: records, first, last };
        }),
        moreGroups: content.more.groups,
      };
    case 'condition':
    case 'recovered':
      return { key: content.key, sentence: message.title, since: content.since, until: content.until };
    default:
      return {};
  }
}

const MAX_BLOCK = 1500;

/** Slack's markup, which has only three special characters. */
function slackText({ subject, rows, blocks, facts, tone }: AlertMessage): string {
  const lines = rows
    .slice(0, 10)
    .map(({ records, level, service, title }) => `${records} × ${level} ${service}: ${title}`);
  const isError = tone === 'error' || tone === 'critical';
  const block = isError ? (blocks.find(({ part }) => part === 'error') ?? blocks[0]) : undefined;
  const counts = isError
    ? facts.filter(([label]) => label !== 'Record').map(([label, value]) => `${label}: ${value}`)
    : [];
  const text = [`*${slackEscaped(subject.replaceAll('*', '∗'))}*`, ...[counts.join(' · '), ...lines].map(slackEscaped)];
  if (block) text.push(`\`\`\`${slackEscaped(block.text.slice(0, MAX_BLOCK)).replaceAll('```', "'''")}\`\`\``);
  return text.filter((line) => line !== '').join('\n');
}

function slackEscaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
