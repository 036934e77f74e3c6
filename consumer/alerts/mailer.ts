/** Sends notices by e-mail (SMTP). The only file that uses nodemailer. */
import fs from 'node:fs/promises';
import { reasonOf } from '../../src/errors.js';
import { type Redact, redaction } from '../../src/fields/redact.js';
import { internalLogger } from '../../src/internal-logger.js';
import { StatusLog } from '../../src/status-log.js';
import { mailHtml, mailText } from './mail-body.js';
import { alertMessage } from './message.js';
import { type AlertFailure, alertFailed, type Channel, type Notice, type NoticeContent } from './notice.js';
import type { AlertSettings, MailSettings } from './settings.js';

/** SMTP timeouts in milliseconds: connecting and greeting, any single response, the whole delivery. */
const CONNECT_TIMEOUT_MS = 10_000;
const RESPONSE_TIMEOUT_MS = 30_000;
const TOTAL_TIMEOUT_MS = 60_000;

export function createMailer(settings: MailSettings, redact: AlertSettings['redact']): Channel {
  const redactor: Redact | undefined = redaction(redact);
  const { host, port, sender, recipients } = settings;
  const warnings = new StatusLog((sentence) => internalLogger.warning(sentence));
  return {
    name: 'mail',
    target: `${host}:${port}`,
    async send(notice, signal) {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(TOTAL_TIMEOUT_MS)]);
      try {
        const transport = await openTransport(settings, CONNECT_TIMEOUT_MS, RESPONSE_TIMEOUT_MS);
        const sent = await transport.sendMail({
          ...mailOf(notice, redactor, sender),
          to: [...recipients],
          signal: limit,
        });
        const rejected = sent.rejected.length === 0 ? undefined : sent.rejected.join(', ');
        warnings.report(
          'recipients',
          rejected &&
            `${host}:${port} accepts mails, but not those to ${rejected}. Correct EMAIL_RECIPIENTS, or allow them on the server.`,
        );
        return rejected === undefined ? sent.response : `${sent.response} (but rejected ${rejected})`;
      } catch (error) {
        throw mailFailure(error, settings, limit.aborted);
      }
    },
  };
}

/** @throws the error of reading the certificate file. */
async function openTransport(
  { host, port, tls, user, password, caFile }: MailSettings,
  connectMs: number,
  responseMs: number,
) {
  // Loaded on demand: a consumer without alerts does not need it.
  const { createTransport } = await import('nodemailer');
  const ca = caFile === undefined ? undefined : await fs.readFile(caFile, 'utf8');
  return createTransport({
    ...{ host, port, secure: tls === 'tls', requireTLS: tls === 'starttls', ignoreTLS: tls === 'none' },
    ...(password !== undefined && { auth: { user, pass: password } }),
    ...(ca !== undefined && { tls: { ca } }),
    ...{ connectionTimeout: connectMs, greetingTimeout: connectMs, socketTimeout: responseMs, dnsTimeout: connectMs },
    // A notice never refers to a file or URL to load.
    ...{ disableFileAccess: true, disableUrlAccess: true },
  });
}

/**
 * Connects, starts TLS and logs in, but sends nothing.
 *
 * @param timeoutMs for connecting, and for each answer.
 * @throws AlertFailure with what happened and what to do.
 */
export async function checkMailLogin(settings: MailSettings, timeoutMs: number): Promise<void> {
  try {
    const transport = await openTransport(settings, timeoutMs, timeoutMs);
    try {
      await transport.verify();
    } finally {
      transport.close();
    }
  } catch (error) {
    throw mailFailure(error, settings, false);
  }
}

/** The nodemailer message, without recipients. */
export function mailOf({ id, content }: Notice, redactor: Redact | undefined, sender: string) {
  const message = alertMessage(content, redactor);
  const domain = sender.slice(sender.lastIndexOf('@') + 1);
  const thread = threadOf(content);
  return {
    from: { name: 'Loghive', address: sender },
    subject: message.subject,
    text: mailText(message),
    html: mailHtml(message),
    // The same for every attempt, so that mail clients show it once.
    messageId: `<${id}@${domain}>`,
    ...(thread !== undefined && { references: `<${thread}@loghive.${domain}>` }),
    headers: { 'Auto-Submitted': 'auto-generated', 'X-Auto-Response-Suppress': 'All' },
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}

/** Mail clients group notices with the same thread id. */
function threadOf(content: NoticeContent): string | undefined {
  if (content.kind === 'error') return `shape-${content.group.shape}`;
  return content.kind === 'condition' || content.kind === 'recovered'
    ? `condition-${Buffer.from(content.key).toString('hex').slice(0, 60)}`
    : undefined;
}

interface SmtpError {
  readonly code?: string;
  /** The response of the server, with its code. */
  readonly response?: string;
  readonly responseCode?: number;
  readonly command?: string;
}

/** Describes what happened, the response of the server, and what to do. */
function mailFailure(error: unknown, settings: MailSettings, isLate: boolean): AlertFailure {
  const { host, port, user, sender, recipients, tls } = settings;
  const { code = '', response, responseCode = 0, command = '' } = error as SmtpError;
  const server = `${host}:${port}`;
  const detail = response === undefined ? withoutOpenSslTrace(reasonOf(error)) : `it answered "${response}"`;
  const isPermanent = responseCode >= 500;
  if (code === 'ENOENT' || code === 'EACCES' || code === 'EISDIR') {
    return alertFailed(
      `EMAIL_CA_FILE cannot be read: ${reasonOf(error)}. Correct the path or its permissions.`,
      true,
      error,
    );
  }
  if (code === 'EAUTH') {
    const remedy =
      'Correct EMAIL_USER (default: EMAIL_SENDER_EMAIL) and EMAIL_SENDER_PASSWORD; accounts with two-factor authentication, as with Gmail, need an app password';
    return alertFailed(`${server} refuses the login of ${user}: ${detail}. ${remedy}.`, true, error);
  }
  if (/^(?:MAIL FROM|RCPT TO|DATA)/.test(command) && response !== undefined) {
    const what = command.startsWith('MAIL') ? `mail from ${sender}` : `mail from ${sender} to ${recipients.join(', ')}`;
    const remedy = 'Correct EMAIL_SENDER_EMAIL and EMAIL_RECIPIENTS, or allow them on the server';
    const isAboutContent = isPermanent && command.startsWith('DATA');
    return alertFailed(`${server} refuses ${what}: ${detail}. ${remedy}.`, isPermanent, error, isAboutContent);
  }
  if (code === 'ETLS' || /certificate|self.signed|altnames|wrong version number|SSL routines/i.test(reasonOf(error))) {
    return alertFailed(
      `${server} was reached, but the connection could not be encrypted: ${detail}. ${tlsRemedy(tls)}.`,
      true,
      error,
    );
  }
  const why = isLate && response === undefined ? `it took longer than ${TOTAL_TIMEOUT_MS / 1000} s` : detail;
  return alertFailed(
    `no mail could be sent through ${server}: ${why}. Check EMAIL_HOST and EMAIL_PORT.`,
    isPermanent,
    error,
  );
}

/** `800C2C39027F0000:error:0A00010B:SSL routines:ssl3_get_record:wrong version number:../record.c:350:` → the reason. */
function withoutOpenSslTrace(reason: string): string {
  return /^[0-9A-F]+:error:[0-9A-F]+:[^:]*:[^:]*:([^:]+):/.exec(reason)?.[1] ?? reason;
}

function tlsRemedy(tls: MailSettings['tls']): string {
  if (tls === 'tls')
    return 'Port 465 uses TLS from the start; for 587 set EMAIL_TLS=starttls; for a private CA set EMAIL_CA_FILE';
  return 'For a private CA set EMAIL_CA_FILE; for a server without TLS in a trusted network set EMAIL_TLS=none';
}
