/** A store with alerts, and their alert loop, on a database of the shared PostgreSQL. */
import { type Alerts, type AlertsTestHooks, createAlerts } from '../../../consumer/alerts/alerts.js';
import { createEventsOf } from '../../../consumer/alerts/event.js';
import { DEFAULT_RULES } from '../../../consumer/alerts/rules.js';
import type { AlertSettings } from '../../../consumer/alerts/settings.js';
import { openStore, type Store } from '../../../consumer/store/index.js';
import { StatusLog } from '../../../src/status-log.js';
import { onEnd, type TestDatabase, useDatabase } from '../../support/use-servers.js';
import { testConfig } from '../store/database.js';

const HOUR_MS = 3_600_000;

export const SETTINGS: AlertSettings = {
  ...{ mail: undefined, webhook: undefined, rules: DEFAULT_RULES, redact: 'http' },
  ...{ maxPerHour: 10, digestMs: HOUR_MS, repeatMs: 24 * HOUR_MS },
};

/** Short intervals for tests. */
export const QUICK: AlertsTestHooks = {
  tickMs: 50,
  retry: { temporary: { firstMs: 50, maxMs: 100 }, permanent: { firstMs: 50, maxMs: 100 } },
};

export interface TestAlerts {
  database: TestDatabase;
  store: Store;
  /** The last message of the store about alerts. */
  refusals: Array<string | undefined>;
}

export async function useAlertStore(by: (url: string) => string | Promise<string> = (url) => url): Promise<TestAlerts> {
  const database = await useDatabase();
  const refusals: Array<string | undefined> = [];
  const store = openStore({
    ...testConfig(await by(database.url)),
    alertEventsOf: createEventsOf(DEFAULT_RULES),
    onAlertsRefused: (sentence) => refusals.push(sentence),
  });
  onEnd(() => store.close());
  await store.migrate();
  return { database, store, refusals };
}

export interface TestLoop {
  alerts: Alerts;
  notices: StatusLog;
}

/** Starts the alert loop; stopped after the test. */
export function useAlertLoop(
  databaseUrl: string,
  settings: Partial<AlertSettings>,
  hooks: AlertsTestHooks = {},
): TestLoop {
  const notices = new StatusLog();
  const all = { ...SETTINGS, ...settings };
  const alerts = createAlerts({
    settings: all,
    store: testConfig(databaseUrl),
    notices,
    hooks: { ...QUICK, ...hooks },
  });
  onEnd(() => alerts.stop());
  alerts.start();
  return { alerts, notices };
}
