import { describe, expect, test } from 'vitest';
import { alertConfig } from '../../../consumer/alerts/settings.js';
import { type ConsumerOptions, consumerConfig } from '../../../consumer/config.js';
import { useEnvironment } from '../../support/use-environment.js';

const configOf = (options: ConsumerOptions = {}) =>
  consumerConfig('createConsumer', ['shop'], { url: 'amqp://h', databaseUrl: 'postgres://h/db', ...options }).alerts;
const MAIL = {
  ENABLE_EMAIL_MONITORING: 'True',
  EMAIL_HOST: 'smtp.example.com',
  EMAIL_SENDER_EMAIL: 'alerts@example.com',
};

describe('alerts', () => {
  test('are off without a mail server and a webhook', () => {
    useEnvironment({ EMAIL_HOST: 'smtp.example.com', EMAIL_SENDER_EMAIL: 'a@b.example', ALERT_MAX_PER_HOUR: '5' });
    expect(configOf()).toBeUndefined();
  });

  test('accept the settings of the Python package', () => {
    const { warnings } = useEnvironment({
      ...MAIL,
      EMAIL_PORT: '465',
      EMAIL_SENDER_PASSWORD: 'mail#secret',
      EMAIL_RECIPIENTS: 'ops@example.com, dev@example.com',
    });
    expect(configOf()).toEqual({
      mail: {
        ...{ host: 'smtp.example.com', port: 465, tls: 'tls', caFile: undefined, password: 'mail#secret' },
        ...{ sender: 'alerts@example.com', user: 'alerts@example.com' },
        recipients: ['ops@example.com', 'dev@example.com'],
      },
      webhook: undefined,
      rules: [{ level: 'ERROR' }],
      ...{ maxPerHour: 10, digestMs: 3_600_000, repeatMs: 24 * 3_600_000, redact: 'http' },
    });
    expect(warnings()).toEqual([]);
  });

  test('go to the sender by default, over port 587 with STARTTLS', () => {
    useEnvironment(MAIL);
    expect(configOf()?.mail).toMatchObject({ port: 587, tls: 'starttls', recipients: ['alerts@example.com'] });
  });

  test('read all other settings from the environment too', () => {
    useEnvironment({
      ...{ ...MAIL, EMAIL_TLS: 'NONE', EMAIL_USER: 'AKIA', EMAIL_CA_FILE: '/etc/ca.pem' },
      ...{
        ALERT_WEBHOOK_URL: 'https://hooks.example.com/x',
        ALERT_WEBHOOK_SECRET: 's',
        ALERT_REDACT: 'http, card, *.iban',
      },
      ...{
        ALERT_RULES: '[{"service":"shop"}]',
        ALERT_MAX_PER_HOUR: '0',
        ALERT_DIGEST_MINUTES: '5',
        ALERT_REPEAT_HOURS: '2',
      },
    });
    expect(configOf()).toMatchObject({
      mail: { tls: 'none', user: 'AKIA', caFile: '/etc/ca.pem' },
      webhook: { url: 'https://hooks.example.com/x', secret: 's' },
      ...{ rules: [{ service: 'shop' }], maxPerHour: 0, digestMs: 300_000, repeatMs: 7_200_000 },
      redact: { preset: 'http', paths: ['card', '*.iban'] },
    });
  });

  test('are plain data that can be passed to a thread', () => {
    useEnvironment({ ...MAIL, ALERT_RULES: '[{"text":"/x/i"}]', ALERT_REDACT: 'card' });
    expect(structuredClone(configOf())).toEqual(configOf());
  });

  test.each<[Record<string, string>, string]>([
    [
      { ENABLE_EMAIL_MONITORING: 'yes' },
      'environment variable ENABLE_EMAIL_MONITORING is set, but EMAIL_HOST (option "emailHost") and EMAIL_SENDER_EMAIL (option "emailSender") are not: no e-mail can be sent. Set them.',
    ],
    [
      { ENABLE_EMAIL_MONITORING: 'maybe' },
      'environment variable ENABLE_EMAIL_MONITORING is "maybe", expected true or false; false is used instead. Correct it or set the option "emailMonitoring".',
    ],
    [
      { EMAIL_RECIPIENTS: 'ops' },
      'environment variable EMAIL_RECIPIENTS is "ops", expected an e-mail address such as \'alerts@example.com\'; [] is used instead. Correct it or set the option "emailRecipients".',
    ],
    [
      { ALERT_WEBHOOK_URL: 'ftp://h/geheim' },
      'environment variable ALERT_WEBHOOK_URL is "ftp://h/***", expected a URL such as \'https://hooks.example.com/loghive\'; it is ignored. Correct it or set the option "alertWebhookUrl".',
    ],
    [
      { ALERT_RULES: '[{]' },
      expect.stringMatching(
        /^environment variable ALERT_RULES is "\[\{\]", expected a list of at most 100 rules .*; every ERROR and CRITICAL is used instead\./,
      ) as unknown as string,
    ],
  ])('warn once about an invalid environment: %j', (variables, sentence) => {
    const { warnings } = useEnvironment(variables);
    configOf();
    configOf();
    expect(warnings()).toEqual([sentence]);
  });

  test.each<[ConsumerOptions, RegExp]>([
    [
      { emailMonitoring: true, emailHost: 'h' },
      /^option "emailMonitoring" is true, but EMAIL_SENDER_EMAIL \(option "emailSender"\) is not: no e-mail can be sent\. Set it\.$/,
    ],
    [{ emailSender: 'a@b.c\r\nBcc: x@y.z' }, /option "emailSender" is .*expected an e-mail address/],
    [{ emailHost: 'smtp:587' }, /option "emailHost" is "smtp:587", expected a host name .*without a port/],
    [{ emailPassword: 'a\nb' }, /option "emailPassword" is text, expected a password on one line/],
    [
      { alertWebhookUrl: 'https://u:geheim@h/' },
      /option "alertWebhookUrl" is "https:\/\/h(?:\/\*\*\*)?", expected a URL without user and password/,
    ],
    [{ redact: 'all' as 'http' }, /option "redact" is "all", expected 'http', an array of paths/],
    [{ alertMaxPerHour: -1 }, /option "alertMaxPerHour" is -1, expected an integer from 0 to 1000 \(alerts an hour\)/],
  ])('throw for a wrong argument: %j', (options, words) => {
    useEnvironment();
    const refusal = () => {
      try {
        return JSON.stringify(configOf(options)) ?? 'never';
      } catch (error) {
        return (error as Error).message;
      }
    };
    expect(refusal()).toMatch(words);
    expect(refusal()).not.toContain('geheim');
  });

  test('can be previewed without a channel', () => {
    useEnvironment();
    expect(alertConfig('alerts preview', {})).toMatchObject({ mail: undefined, webhook: undefined, maxPerHour: 10 });
  });
});
