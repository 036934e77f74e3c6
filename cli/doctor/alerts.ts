/** The steps of `loghive doctor` for alerts: the login at the mail server, and whether the webhook can be reached. */
import { checkMailLogin } from '../../consumer/alerts/mailer.js';
import { type AlertSettings, type MailSettings, webhookTarget } from '../../consumer/alerts/settings.js';
import { networkSteps } from './network.js';
import type { Step } from './steps.js';
import { failedWith, note, ok, type Verdict } from './verdict.js';

/** In milliseconds. */
const ANSWER_MS = 5000;

export function mailSteps(mail: MailSettings): Step[] {
  const { host, port, user, password, tls } = mail;
  const login = async (): Promise<Verdict> => {
    try {
      await checkMailLogin(mail, ANSWER_MS);
    } catch (error) {
      return failedWith(error, 'Check EMAIL_HOST and EMAIL_PORT.');
    }
    const how = tls === 'none' ? 'not encrypted' : tls === 'tls' ? 'TLS' : 'STARTTLS';
    return ok(`${password === undefined ? 'no login' : `user ${user}`}, ${how}`);
  };
  return [
    ...networkSteps({ host, port }),
    { name: 'login', needs: ['TCP'], server: `${host}:${port}`, limitMs: 3 * ANSWER_MS, run: login },
    { name: 'not tried', run: async () => note('no mail was sent: loghive alerts test sends one') },
  ];
}

export function webhookSteps({ url }: NonNullable<AlertSettings['webhook']>): Step[] {
  const { hostname, port, protocol } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, '');
  return [
    ...networkSteps({ host, port: Number(port) || (protocol === 'https:' ? 443 : 80) }),
    {
      name: 'not tried',
      run: async () => note(`nothing was posted to ${webhookTarget(url)}: loghive alerts test does that`),
    },
  ];
}
