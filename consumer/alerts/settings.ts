/** Alert settings: options, then the environment and `config.env`, then defaults. Plain data. */
import { openEnvironment, warnOnce } from '../../src/config.js';
import { LoghiveError } from '../../src/errors.js';
import { type RedactOptions, redaction } from '../../src/fields/redact.js';
import {
  boolean,
  booleanText,
  type Check,
  type Environment,
  Expected,
  integer,
  kindOf,
  numberText,
  oneOf,
  resolveOptions,
  shown,
  type Values,
} from '../../src/settings/option.js';
import { type AlertRule, alertRules, DEFAULT_RULES } from './rules.js';

/** `starttls`: upgrades to TLS before authentication and fails otherwise; `tls`: TLS from the start. */
export type EmailTls = 'starttls' | 'tls' | 'none';

export interface AlertOptions {
  /** Sends alerts by e-mail. Default false. Environment: `ENABLE_EMAIL_MONITORING`. */
  emailMonitoring?: boolean | undefined;
  /** Host name of the SMTP server. Environment: `EMAIL_HOST`. */
  emailHost?: string | undefined;
  /** Port of the SMTP server. Default 587. Environment: `EMAIL_PORT`. */
  emailPort?: number | undefined;
  /** Encryption of the SMTP connection. Default: `tls` on port 465, otherwise `starttls`. Environment: `EMAIL_TLS`. */
  emailTls?: EmailTls | undefined;
  /** Path of a PEM file with the certificate authority of the SMTP server. Environment: `EMAIL_CA_FILE`. */
  emailCaFile?: string | undefined;
  /** Sender address. Environment: `EMAIL_SENDER_EMAIL`. */
  emailSender?: string | undefined;
  /** SMTP user. Default: `emailSender`. Environment: `EMAIL_USER`. */
  emailUser?: string | undefined;
  /** SMTP password. If it is not set, there is no login. Environment: `EMAIL_SENDER_PASSWORD`. */
  emailPassword?: string | undefined;
  /** Recipient addresses. Default: `emailSender`. Environment: `EMAIL_RECIPIENTS`, comma-separated. */
  emailRecipients?: readonly string[] | undefined;
  /** URL to which alerts are posted as JSON. Environment: `ALERT_WEBHOOK_URL`. */
  alertWebhookUrl?: string | undefined;
  /** Secret for signing webhook requests (HMAC-SHA256). Environment: `ALERT_WEBHOOK_SECRET`. */
  alertWebhookSecret?: string | undefined;
  /** Rules that select the errors to report. Default: every ERROR and CRITICAL. Environment: `ALERT_RULES`, as JSON. */
  alertRules?: readonly AlertRule[] | undefined;
  /**
   * Maximum number of errors per hour that are reported individually. Further ones go into a digest. Default 10.
   * Environment: `ALERT_MAX_PER_HOUR`.
   */
  alertMaxPerHour?: number | undefined;
  /**
   * How long a digest collects errors before it is sent, in minutes. Default 60. Environment: `ALERT_DIGEST_MINUTES`.
   */
  alertDigestMinutes?: number | undefined;
  /**
   * How many hours must pass since the last report of an error (individual or in a digest) before it is reported
   * individually again. Default 24. Environment: `ALERT_REPEAT_HOURS`.
   */
  alertRepeatHours?: number | undefined;
  /**
   * What to hide in alerts, as for producers: `'http'`, paths, or both. It does not affect stored records; only the
   * producer can redact those. Default `'http'`. Environment: `ALERT_REDACT`, comma-separated.
   */
  redact?: RedactOptions | undefined;
}

export interface MailSettings {
  readonly host: string;
  readonly port: number;
  readonly tls: EmailTls;
  readonly caFile: string | undefined;
  readonly sender: string;
  readonly user: string;
  readonly password: string | undefined;
  readonly recipients: readonly string[];
}

export interface WebhookSettings {
  readonly url: string;
  readonly secret: string | undefined;
}

export interface AlertSettings {
  /** At least one of the two is set, except for a preview. */
  readonly mail: MailSettings | undefined;
  readonly webhook: WebhookSettings | undefined;
  readonly rules: readonly AlertRule[];
  readonly maxPerHour: number;
  readonly digestMs: number;
  readonly repeatMs: number;
  readonly redact: RedactOptions;
}

const text =
  (what: string, pattern: RegExp): Check<string | undefined> =>
  (value) => {
    if (typeof value === 'string' && pattern.test(value)) return value;
    throw new Expected(what);
  };

/** A single address: no display name, no list, no line break. */
const ADDRESS = /^[^\s@<>,;:"()[\]\\]+@[^\s@<>,;:"()[\]\\]+$/;
const address = text("an e-mail address such as 'alerts@example.com'", ADDRESS);
const hostName = text(
  "a host name such as 'smtp.example.com', without a port",
  /^(?:[A-Za-z0-9._-]+|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)$/,
);
const oneLine = (what: string) => text(`${what} on one line`, /^[^\r\n\0]+$/);

const addresses: Check<readonly string[]> = (value) => {
  if (!Array.isArray(value) || value.length > 100) throw new Expected('a list of at most 100 e-mail addresses');
  return Object.freeze(value.map((one) => address(one) as string));
};

const webhookUrl: Check<string | undefined> = (value) => {
  if (typeof value !== 'string' || !URL.canParse(value) || !/^https?:$/.test(new URL(value).protocol)) {
    throw new Expected("a URL such as 'https://hooks.example.com/loghive'");
  }
  const { username, password } = new URL(value);
  if (username !== '' || password !== '')
    throw new Expected('a URL without user and password; use ALERT_WEBHOOK_SECRET');
  return value;
};

/** For many webhooks the path is a secret. */
function shownWebhook(value: unknown): string {
  if (typeof value !== 'string') return kindOf(value);
  return URL.canParse(value) ? `"${webhookTarget(value)}"` : 'text that is not a URL';
}

export function webhookTarget(url: string): string {
  const { origin, pathname, search } = new URL(url);
  return pathname === '/' && search === '' ? origin : `${origin}/***`;
}

const commaSeparated = (list: string) =>
  list
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');

const redactCheck: Check<RedactOptions> = (value) => {
  redaction(value);
  return value as RedactOptions;
};

function redactText(list: string): unknown {
  const parts = commaSeparated(list);
  const paths = parts.filter((part) => part !== 'http');
  return { paths, ...(paths.length < parts.length && { preset: 'http' }) };
}

function jsonText(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return json;
  }
}

export const alertOptions = {
  emailMonitoring: { check: boolean, fallback: false, env: ['ENABLE_EMAIL_MONITORING'], parse: booleanText },
  emailHost: { check: hostName, fallback: undefined, env: ['EMAIL_HOST'] },
  emailPort: { check: integer(1, 65_535, 'port'), fallback: 587, env: ['EMAIL_PORT'], parse: numberText },
  emailTls: {
    check: oneOf('starttls', 'tls', 'none') as Check<EmailTls | undefined>,
    fallback: undefined,
    env: ['EMAIL_TLS'],
    parse: (value: string) => value.trim().toLowerCase(),
  },
  emailCaFile: { check: oneLine('the path of a file'), fallback: undefined, env: ['EMAIL_CA_FILE'] },
  emailSender: { check: address, fallback: undefined, env: ['EMAIL_SENDER_EMAIL'] },
  emailUser: { check: oneLine('a user name'), fallback: undefined, env: ['EMAIL_USER'] },
  emailPassword: {
    check: oneLine('a password'),
    fallback: undefined,
    env: ['EMAIL_SENDER_PASSWORD'],
    show: kindOf,
  },
  emailRecipients: {
    check: addresses,
    fallback: Object.freeze([]) as readonly string[],
    env: ['EMAIL_RECIPIENTS'],
    parse: commaSeparated,
  },
  alertWebhookUrl: { check: webhookUrl, fallback: undefined, env: ['ALERT_WEBHOOK_URL'], show: shownWebhook },
  alertWebhookSecret: {
    check: oneLine('a secret'),
    fallback: undefined,
    env: ['ALERT_WEBHOOK_SECRET'],
    show: kindOf,
  },
  alertRules: {
    check: alertRules,
    fallback: DEFAULT_RULES,
    env: ['ALERT_RULES'],
    parse: jsonText,
    show: (value: unknown) => (value === DEFAULT_RULES ? 'every ERROR and CRITICAL' : shown(value)),
  },
  alertMaxPerHour: {
    check: integer(0, 1000, 'alerts an hour'),
    fallback: 10,
    env: ['ALERT_MAX_PER_HOUR'],
    parse: numberText,
  },
  alertDigestMinutes: {
    check: integer(1, 1440, 'minutes'),
    fallback: 60,
    env: ['ALERT_DIGEST_MINUTES'],
    parse: numberText,
  },
  alertRepeatHours: { check: integer(1, 720, 'hours'), fallback: 24, env: ['ALERT_REPEAT_HOURS'], parse: numberText },
  redact: { check: redactCheck, fallback: 'http' as RedactOptions, env: ['ALERT_REDACT'], parse: redactText },
} as const;

/** @returns undefined if no channel is configured; alerts then cost nothing. */
export function alertSettings(
  values: Values<typeof alertOptions>,
  environment: Environment,
  given: unknown,
): AlertSettings | undefined {
  const mail = mailSettings(values, environment, given);
  const { alertWebhookUrl: url, alertWebhookSecret: secret } = values;
  if (mail === undefined && url === undefined) return undefined;
  return Object.freeze({ ...policyOf(values), mail, webhook: url === undefined ? undefined : { url, secret } });
}

/** For the alert commands. May have no channel, for a preview. */
export function alertConfig(owner: string, options: AlertOptions): AlertSettings {
  const environment = openEnvironment();
  const values = resolveOptions(owner, alertOptions, options, environment, warnOnce);
  const settings = alertSettings(values, environment, options);
  return settings ?? Object.freeze({ ...policyOf(values), mail: undefined, webhook: undefined });
}

function policyOf(values: Values<typeof alertOptions>): Omit<AlertSettings, 'mail' | 'webhook'> {
  return {
    rules: values.alertRules,
    maxPerHour: values.alertMaxPerHour,
    digestMs: values.alertDigestMinutes * 60_000,
    repeatMs: values.alertRepeatHours * 3_600_000,
    redact: values.redact,
  };
}

function mailSettings(
  values: Values<typeof alertOptions>,
  environment: Environment,
  given: unknown,
): MailSettings | undefined {
  if (!values.emailMonitoring) return undefined;
  const { emailHost: host, emailPort: port, emailSender: sender } = values;
  const recipients = values.emailRecipients.length > 0 ? values.emailRecipients : sender ? [sender] : [];
  const missing = [
    ...(host === undefined ? ['EMAIL_HOST (option "emailHost")'] : []),
    ...(sender === undefined ? ['EMAIL_SENDER_EMAIL (option "emailSender")'] : []),
  ];
  if (host === undefined || sender === undefined) {
    const asked = (given as AlertOptions | undefined)?.emailMonitoring === true;
    const who = asked ? 'option "emailMonitoring" is true' : `${environment('ENABLE_EMAIL_MONITORING')?.where} is set`;
    const sentence = `${who}, but ${missing.join(' and ')} ${missing.length === 1 ? 'is' : 'are'} not: no e-mail can be sent. Set ${missing.length === 1 ? 'it' : 'them'}.`;
    if (asked) throw new LoghiveError('LOGHIVE_INVALID_OPTION', sentence);
    warnOnce(sentence);
    return undefined;
  }
  return Object.freeze({
    host,
    port,
    tls: values.emailTls ?? (port === 465 ? 'tls' : 'starttls'),
    caFile: values.emailCaFile,
    sender,
    user: values.emailUser ?? sender,
    password: values.emailPassword,
    recipients,
  });
}
