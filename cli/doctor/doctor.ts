/** `loghive doctor`: examines the settings, the servers that they name, and the way between them, step by step. */

import type { Inspection } from '../../consumer/store/index.js';
import type { OpenConnection } from '../../src/amqp/open-connection.js';
import { openEnvironment, useConfigFile } from '../../src/config.js';
import { sendInternalLinesTo } from '../../src/internal-logger.js';
import { type BrokerHost, hostAndPort } from '../../src/settings/broker-url.js';
import { SERVICE_NAME } from '../../src/wire.js';
import { openPrinter, usesColor } from '../output.js';
import type { OutputFormat } from '../subcommand.js';
import { mailSteps, webhookSteps } from './alerts.js';
import { type BrokerAccess, brokerSteps, connectionsTo } from './broker.js';
import { databaseSteps } from './database.js';
import type { QueueFacts } from './look-at-queues.js';
import { addressText } from './network.js';
import { createReport } from './report.js';
import { type Arguments, type ExaminedSettings, readSettings } from './settings.js';
import { spoolSteps } from './spool.js';
import { runSection, type Step } from './steps.js';
import { topologySteps } from './topology.js';
import { type Finding, skipped } from './verdict.js';
import { wholeWayStep } from './whole-way.js';

export interface DoctorOptions extends Omit<Arguments, 'services'> {
  readonly config?: string;
  /** False: no record is sent. */
  readonly send: boolean;
  readonly output: OutputFormat;
}

/**
 * @returns whether nothing is wrong.
 * @throws LoghiveError LOGHIVE_INVALID_OPTION for a wrong argument.
 */
export async function doctor(services: readonly string[], options: DoctorOptions): Promise<boolean> {
  if (options.config !== undefined) useConfigFile(options.config);
  const warnings: string[] = [];
  sendInternalLinesTo((_line, { level, message }) => {
    if (level === 'WARNING' || level === 'ERROR') warnings.push(message);
  });
  const settings = readSettings({ ...options, services }, warnings);
  const environment = openEnvironment();
  const color = usesColor(process.stdout, environment);
  const report = createReport(openPrinter(), options.output, color);
  await examine(settings, options.send, report.add);
  return report.end();
}

/** @param mayRecord whether a record may be sent. */
export async function examine(
  settings: ExaminedSettings,
  mayRecord: boolean,
  onFinding: (finding: Finding) => Promise<void>,
): Promise<void> {
  const section = (name: string, steps: readonly Step[]) => runSection({ section: name, steps, onFinding });
  for (const [step, verdict] of settings.findings) await onFinding({ section: 'Settings', step, ...verdict });

  const { role, store, spool, alerts } = settings;
  const connections = settings.broker && connectionsTo(settings.broker.broker);
  let access: (Partial<BrokerAccess> & { host: BrokerHost }) | undefined;
  let inspection: Inspection | undefined;
  try {
    for (const host of settings.broker?.broker.hosts ?? []) {
      const found: Partial<BrokerAccess> & { host: BrokerHost } = { host };
      const steps = brokerSteps(host, settings.broker!.broker, connections!.open, (more) => Object.assign(found, more));
      await section(`RabbitMQ at ${hostAndPort(host)}`, steps);
      if (!access?.connection) access = found;
    }
    if (store) {
      const onOpen = (opened: Inspection) => {
        inspection = opened;
      };
      const { hasRetention } = settings;
      await section('PostgreSQL', databaseSteps({ store, hasRetention, onOpen }));
    }
    const queues: QueueFacts[] = [];
    const services = await knownServices(settings, inspection);
    if (access?.connection) {
      const { host, connection, published } = access;
      const about = {
        login: host,
        role,
        settings: settings.broker!.queues,
        serverVersion: connection.serverVersion,
        service: services[0],
      };
      const { retryDelaysMs } = settings;
      const onQueue = (facts: QueueFacts) => queues.push(facts);
      const server = hostAndPort(host);
      const topology = { server, connection, published, about, services, retryDelaysMs, onQueue };
      await section('Exchange and queues', topologySteps(topology));
    } else {
      await onFinding({
        section: 'Exchange and queues',
        step: 'all',
        ...skipped('there is no connection to RabbitMQ'),
      });
    }
    if (role === 'consumer') {
      await wholeWay({ mayRecord, inspection, access, queues, connect: connections?.open }, section, onFinding);
    }
    if (alerts?.mail) await section(`Mail server at ${addressText(alerts.mail)}`, mailSteps(alerts.mail));
    if (alerts?.webhook) await section('Webhook', webhookSteps(alerts.webhook));
    if (spool) await section('Spool on this machine', spoolSteps(spool));
  } finally {
    connections?.close();
    await inspection?.close();
  }
}

interface WayOptions {
  readonly mayRecord: boolean;
  readonly inspection: Inspection | undefined;
  readonly access: (Partial<BrokerAccess> & { host: BrokerHost }) | undefined;
  readonly queues: readonly QueueFacts[];
  readonly connect: ((host: BrokerHost, signal: AbortSignal) => Promise<OpenConnection>) | undefined;
}

async function wholeWay(
  { mayRecord, inspection, access, queues, connect }: WayOptions,
  section: (name: string, steps: readonly Step[]) => Promise<unknown>,
  onFinding: (finding: Finding) => Promise<void>,
): Promise<void> {
  const name = 'The whole way';
  const skip = (reason: string) => onFinding({ section: name, step: 'record', ...skipped(reason) });
  if (!mayRecord) return skip('option --no-send');
  if (!inspection) return skip('there is no connection to PostgreSQL');
  if (!access?.connection || !connect) return skip('there is no connection to RabbitMQ');
  const { host } = access;
  await section(name, [wholeWayStep({ inspection, connect: (signal) => connect(host, signal), queues })]);
}

/** Those that are named, else those that a consumer without names would take. */
async function knownServices(
  { services }: ExaminedSettings,
  inspection: Inspection | undefined,
): Promise<readonly string[]> {
  if (services.length > 0 || !inspection) return services;
  try {
    return (await inspection.services()).filter((service) => SERVICE_NAME.test(service));
  } catch {
    // The schema or the privileges are wrong, which is a finding already.
    return [];
  }
}
