/** Sends notices by e-mail (SMTP). The only file that knows nodemailer. */
import fs from 'node:fs/promises';
import { reasonOf } from '../../src/errors.js';
import { type Redact, redaction } from '../../src/fields/redact.js';
import { type AlertFailure, alertFailed } from './failure.js';
import { letterOf } from './letter.js';
import { mailHtml } from './mail-html.js';
import { mailText } from './mail-text.js';
import type { Channel, Notice, NoticeContent } from './notice.js';
import type { AlertSettings, MailSettings } from './settings.js';

/** How long the mail server may take: to be reached, for its greeting, for any one answer, for all of it. Milliseconds. */
const CONNECT_MS = 10_000;
const ANSWER_MS = 30_000;
const ALL_MS = 60_000;

export function createMailer(settings: MailSettings, redact: AlertSettings['redact']): Channel {
  const hide: Redact | undefined = redaction(redact);
  const { host, port, tls, user, password, sender, recipients } = settings;
  return {
    name: 'mail',
    target: `${host}:${port}`,
    async send(notice, signal) {
      // Loaded when it is needed: a consumer without alerts does without it.
      const { createTransport } = await import('nodemailer');
      const limit = AbortSignal.any([signal, AbortSignal.timeout(ALL_MS)]);
      try {
        const ca = settings.caFile === undefined ? undefined : await fs.readFile(settings.caFile, 'utf8');
        const transport = createTransport({
          ...{ host, port, secure: tls === 'tls', requireTLS: tls === 'starttls', ignoreTLS: tls === 'none' },
          ...(password !== undefined && { auth: { user, pass: password } }),
          ...(ca !== undefined && { tls: { ca } }),
          ...{
            connectionTimeout: CONNECT_MS,
            greetingTimeout: CONNECT_MS,
            socketTimeout: ANSWER_MS,
            dnsTimeout: CONNECT_MS,
          },
          // Nothing of a notice names a file or an address to load from.
          ...{ disableFileAccess: true, disableUrlAccess: true },
        });
        const sent = await transport.sendMail({ ...mailOf(notice, hide, sender), to: [...recipients], signal: limit });
        return sent.rejected.length === 0
          ? sent.response
          : `${sent.response} (but it refuses ${sent.rejected.join(', ')})`;
      } catch (error) {
        throw mailFailure(error, settings, limit.aborted);
      }
    },
  };
}

/** What nodemailer is given, but for the recipients. */
export function mailOf({ id, content }: Notice, hide: Redact | undefined, sender: string) {
  const letter = letterOf(content, hide);
  const domain = sender.slice(sender.lastIndexOf('@') + 1);
  const thread = threadOf(content);
  return {
    from: { name: 'Loghive', address: sender },
    subject: letter.subject,
    text: mailText(letter),
    html: mailHtml(letter),
    // The same whenever it is sent again, so that mail programs show it once.
    messageId: `<${id}@${domain}>`,
    ...(thread !== undefined && { references: `<${thread}@loghive.${domain}>` }),
    headers: { 'Auto-Submitted': 'auto-generated', 'X-Auto-Response-Suppress': 'All' },
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}

/** Notices about the same thing stand together in a mail program. */
function threadOf(content: NoticeContent): string | undefined {
  if (content.kind === 'error') return `shape-${content.group.shape}`;
  return content.kind === 'condition' || content.kind === 'recovered'
    ? `condition-${Buffer.from(content.key).toString('hex').slice(0, 60)}`
    : undefined;
}

interface SmtpError {
  readonly code?: string;
  /** What the server said, with its number. */
  readonly response?: string;
  readonly responseCode?: number;
  readonly command?: string;
}

/** What happened, what the server said, and what to do. */
function mailFailure(error: unknown, settings: MailSettings, isLate: boolean): AlertFailure {
  const { host, port, user, sender, recipients, tls } = settings;
  const { code = '', response, responseCode = 0, command = '' } = error as SmtpError;
  const server = `${host}:${port}`;
  const said = response === undefined ? reasonOf(error) : `it answered "${response}"`;
  const needsPerson = responseCode >= 500;
  if (code === 'ENOENT' || code === 'EACCES' || code === 'EISDIR') {
    return alertFailed(`the file of EMAIL_CA_FILE cannot be read: ${reasonOf(error)}. Correct it.`, true, error);
  }
  if (code === 'EAUTH') {
    const remedy =
      'Correct EMAIL_USER (default: EMAIL_SENDER_EMAIL) and EMAIL_SENDER_PASSWORD; where the account has two-factor login, as with Gmail, it takes an app password';
    return alertFailed(`${server} refuses the login of ${user}: ${said}. ${remedy}.`, true, error);
  }
  if (/^(?:MAIL FROM|RCPT TO|DATA)/.test(command) && response !== undefined) {
    const what = command.startsWith('MAIL') ? `mail from ${sender}` : `mail from ${sender} to ${recipients.join(', ')}`;
    const remedy = 'Correct EMAIL_SENDER_EMAIL and EMAIL_RECIPIENTS, or allow it there';
    return alertFailed(`${server} refuses ${what}: ${said}. ${remedy}.`, needsPerson, error);
  }
  if (code === 'ETLS' || /certificate|self.signed|altnames|wrong version number|SSL routines/i.test(reasonOf(error))) {
    return alertFailed(`${server} was reached, but not encrypted: ${said}. ${tlsRemedy(tls)}.`, true, error);
  }
  const why = isLate && response === undefined ? `it took longer than ${ALL_MS / 1000} s` : said;
  return alertFailed(`${server} cannot be used now: ${why}. Check EMAIL_HOST and EMAIL_PORT.`, needsPerson, error);
}

function tlsRemedy(tls: MailSettings['tls']): string {
  if (tls === 'tls')
    return 'Port 465 speaks TLS from the start; for 587 set EMAIL_TLS=starttls; name an authority of your own in EMAIL_CA_FILE';
  return 'Name an authority of your own in EMAIL_CA_FILE; for a server without TLS in a network of your own set EMAIL_TLS=none';
}
