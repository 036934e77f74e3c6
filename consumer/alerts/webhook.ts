/**
 * Posts notices as JSON to a URL, signed. The field `text` is what Slack and those that speak like it show.
 *
 *   loghive-signature: t=<epoch seconds>,v1=<HMAC-SHA256 of "<t>.<body>" with the secret, in hex>
 */
import { createHmac } from 'node:crypto';
import { reasonOf } from '../../src/errors.js';
import { type Redact, redaction } from '../../src/fields/redact.js';
import { printableLine } from '../../src/printable.js';
import { alertFailed, isAlertFailure } from './failure.js';
import { type Letter, type LetterBlock, letterOf } from './letter.js';
import { type Channel, type Notice, type NoticeContent, recordsOf } from './notice.js';
import { type AlertSettings, type WebhookSettings, webhookTarget } from './settings.js';

/** How long it may take, in milliseconds. */
const ALL_MS = 15_000;
/** What is read of an answer. */
const MOST_ANSWER_BYTES = 2048;
const VERSION = 1;

export function createWebhook({ url, secret }: WebhookSettings, redact: AlertSettings['redact']): Channel {
  const hide: Redact | undefined = redaction(redact);
  const target = webhookTarget(url);
  return {
    name: 'webhook',
    target,
    async send(notice, signal) {
      const body = JSON.stringify(webhookBody(notice, hide));
      const limit = AbortSignal.any([signal, AbortSignal.timeout(ALL_MS)]);
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
          // It would get the alert, and in its answer anybody could name another one.
          redirect: 'manual',
          signal: limit,
        });
        // The status has come: a body that never ends, or breaks off, does not make an accepted alert a refused one.
        const text = await startOf(response).catch(() => '');
        const answer = `${response.status} ${printableLine(text)}`.trim();
        if (response.ok) return answer;
        if (response.status >= 300 && response.status < 400) {
          const to = response.headers.get('location') ?? 'nowhere';
          const where = URL.canParse(to, url) ? webhookTarget(new URL(to, url).href) : 'no valid URL';
          throw alertFailed(
            `${target} answered ${response.status} and points to ${where}; redirects are not followed. Set ALERT_WEBHOOK_URL to where it leads.`,
            true,
          );
        }
        const needsPerson = response.status < 500 && response.status !== 408 && response.status !== 429;
        throw alertFailed(
          `${target} answered "${answer}". Check ALERT_WEBHOOK_URL and what listens there.`,
          needsPerson,
        );
      } catch (error) {
        if (isAlertFailure(error)) throw error;
        const cause = (error as { cause?: unknown }).cause;
        const why = limit.aborted ? `no answer within ${ALL_MS / 1000} s` : reasonOf(cause ?? error);
        throw alertFailed(`${target} cannot be reached: ${why}. Check ALERT_WEBHOOK_URL.`, false, error);
      }
    },
  };
}

export function signature(secret: string, body: string, epochSeconds: number): string {
  const digest = createHmac('sha256', secret).update(`${epochSeconds}.${body}`).digest('hex');
  return `t=${epochSeconds},v1=${digest}`;
}

/** The rest is not waited for. */
async function startOf(response: Response): Promise<string> {
  const reader = response.body?.getReader();
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  while (reader !== undefined && bytes < MOST_ANSWER_BYTES) {
    const { value, done } = await reader.read();
    if (done) break;
    chunks.push(value);
    bytes += value.length;
  }
  await reader?.cancel();
  return Buffer.concat(chunks).subarray(0, MOST_ANSWER_BYTES).toString('utf8').trim().slice(0, 300);
}

/** docs/alerts.md describes it. */
export function webhookBody({ id, content }: Notice, hide: Redact | undefined) {
  const letter = letterOf(content, hide);
  return { text: slackText(letter), version: VERSION, id, kind: content.kind, ...detailsOf(content, letter) };
}

function detailsOf(content: NoticeContent, letter: Letter): Record<string, unknown> {
  switch (content.kind) {
    case 'error': {
      const { shape, service, level, records, first, last, isNew } = content.group;
      const { id, timestamp } = content.example;
      const textOf = (part: LetterBlock['part']) => letter.blocks.find((block) => block.part === part)?.text;
      const example = {
        id,
        timestamp,
        message: textOf('message') ?? '',
        error: textOf('error'),
        fields: textOf('fields'),
      };
      return { service, level, shape, title: letter.title, new: isNew, count: records, first, last, example };
    }
    case 'digest':
      return {
        count: recordsOf(content.groups) + content.more.records,
        groups: content.groups.map(({ shape, service, level, records, first, last, isNew }, at) => {
          return { service, level, shape, title: letter.rows[at]?.title, new: isNew, count: records, first, last };
        }),
        moreGroups: content.more.groups,
      };
    case 'condition':
    case 'recovered':
      return { key: content.key, sentence: letter.title, since: content.since, until: content.until };
    default:
      return {};
  }
}

const MOST_BLOCK = 1500;

/** In Slack's own writing, in which only three characters mean something. */
function slackText({ subject, rows, blocks, facts, tone }: Letter): string {
  const lines = rows
    .slice(0, 10)
    .map(({ records, level, service, title }) => `${records} × ${level} ${service}: ${title}`);
  const isError = tone === 'error' || tone === 'critical';
  const block = isError ? (blocks.find(({ part }) => part === 'error') ?? blocks[0]) : undefined;
  const counts = isError
    ? facts.filter(([label]) => label !== 'Record').map(([label, value]) => `${label}: ${value}`)
    : [];
  const text = [`*${slackEscaped(subject.replaceAll('*', '∗'))}*`, ...[counts.join(' · '), ...lines].map(slackEscaped)];
  if (block) text.push(`\`\`\`${slackEscaped(block.text.slice(0, MOST_BLOCK)).replaceAll('```', "'''")}\`\`\``);
  return text.filter((line) => line !== '').join('\n');
}

function slackEscaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
