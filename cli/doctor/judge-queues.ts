/** Judges the exchange and the queues: presence, arguments, permissions, limits, depth. Pure. */
import { hazardOf } from '../../consumer/intake/queue-hazards.js';
import { counted } from '../../src/sentence.js';
import { FAILURE_QUEUE, laneOf, type QueueSettings } from '../../src/wire.js';
import type { ExchangeFacts, Permissions, QueueFacts } from './look-at-queues.js';
import type { Published } from './publish-once.js';
import { type Difference, differencesOf, differenceText, remedyFor } from './queue-differences.js';
import { deleteExchange, grantAll, type Login, type Role } from './rabbitmqctl.js';
import { failed, failedBecause, namesOf, note, ok, type Verdict } from './verdict.js';

export interface Circumstances {
  readonly login: Login;
  readonly role: Role;
  readonly settings: QueueSettings;
  readonly serverVersion: string;
  /** That a producer would log for. */
  readonly service: string | undefined;
}

export function judgeExchange(facts: ExchangeFacts, { login, role, service }: Circumstances): Verdict {
  const { exchange, presence, mayDeclare, difference } = facts;
  if (difference !== undefined) {
    const [, name = 'type', wanted = '', current = ''] =
      /inequivalent arg '(.+?)' .*received '?(.+?)'? but current is '?(.+?)'?$/s.exec(difference) ?? [];
    return failed(
      `exchange ${exchange} is used as it is: ${name} is ${current}, wanted ${wanted}`,
      `Stop producers and consumers, run ${deleteExchange(login.vhost, exchange)}, and start them again: Loghive declares it, and binds the queues again.`,
    );
  }
  if (presence === 'there') return ok(`${exchange} is a durable direct exchange`);
  if (mayDeclare) return note(`${exchange} does not exist yet; the first producer or consumer declares it`);
  return failed(
    `exchange ${exchange} ${presence === 'hidden' ? 'is not accessible' : 'does not exist'}, and user ${login.username} may not declare it`,
    `Run ${grantAll(login, role, service)}`,
  );
}

/** @param published a message to the exchange of records. */
export function judgePublishing(published: Published | undefined, { login, role, service }: Circumstances): Verdict {
  const answer = published?.answer;
  if (answer?.kind === 'refused' && answer.code === 403) {
    return failed(`user ${login.username} may not publish: ${answer.text}`, `Run ${grantAll(login, role, service)}`);
  }
  if (answer === undefined || answer.kind === 'none') return note('unknown, because the broker did not answer');
  return ok(`user ${login.username} may publish`);
}

/** The share of its limit from which a queue counts as nearly full. */
const FULL_SHARE = 0.8;

/** @param queues of one service, or of one purpose. */
export function judgeQueues(queues: readonly QueueFacts[], about: Circumstances): Verdict[] {
  const verdicts = [
    ...unusable(queues),
    ...missing(queues, about),
    ...forbidden(queues, about),
    ...different(queues, about),
    ...hazardous(queues, about),
    ...waiting(queues, about),
  ];
  return verdicts.some(({ state }) => state === 'failed') ? verdicts : [ok(summaryOf(queues)), ...verdicts];
}

function summaryOf(queues: readonly QueueFacts[]): string {
  const found = queues.filter(({ presence }) => presence === 'there');
  if (found.length === 0) return 'may be declared';
  const messages = found.reduce((total, each) => total + each.messages, 0);
  const consumers = Math.max(...found.map((each) => each.consumers));
  const [which, each] = found.length === 1 ? [found[0]!.queue, ''] : [`${found.length} queues`, ' each'];
  return `${which}: ${counted(messages, 'message')}, ${counted(consumers, 'consumer')}${each}`;
}

const named = (queues: readonly QueueFacts[]) => namesOf(queues.map(({ queue }) => queue));
const these = (queues: readonly QueueFacts[]) => `${queues.length === 1 ? 'queue' : 'queues'} ${named(queues)}`;

function unusable(queues: readonly QueueFacts[]): Verdict[] {
  const locked = queues.filter(({ presence }) => presence === 'locked');
  const silent = queues.filter(({ presence }) => presence === 'silent');
  return [
    ...(locked.length === 0
      ? []
      : [
          failed(
            `${these(locked)}: exclusive to another connection`,
            'Close that connection (rabbitmqctl list_queues name owner_pid), or use another service name.',
          ),
        ]),
    ...(silent.length === 0
      ? []
      : [
          failed(
            `${these(silent)}: no answer`,
            'A quorum queue without a majority of its nodes does not answer: start these nodes, or see rabbitmq-diagnostics check_if_node_is_quorum_critical.',
          ),
        ]),
  ];
}

function missing(queues: readonly QueueFacts[], { login, role, service }: Circumstances): Verdict[] {
  const absent = queues.filter(({ presence }) => presence === 'missing' || presence === 'hidden');
  if (absent.length === 0) return [];
  const allowed = absent.filter(({ may }) => may.configure);
  const refused = absent.filter(({ may }) => !may.configure);
  return [
    ...(refused.length === 0
      ? []
      : [
          failed(
            `${these(refused)}: not accessible or not there, and user ${login.username} may not declare it`,
            `Run ${grantAll(login, role, service)}`,
          ),
        ]),
    ...(allowed.length === 0 ? [] : [note(`${these(allowed)}: not declared yet; Loghive does that`)]),
  ];
}

function forbidden(queues: readonly QueueFacts[], { login, role, service }: Circumstances): Verdict[] {
  const what: Partial<Record<keyof Permissions, string>> =
    role === 'consumer' ? { write: 'bind', read: 'consume from' } : { write: 'bind' };
  return Object.entries(what).flatMap(([permission, verb]) => {
    const refused = queues.filter(({ may }) => !may[permission as keyof Permissions]);
    if (refused.length === 0) return [];
    const remedy = `Run ${grantAll(login, role, service)}`;
    return [failed(`user ${login.username} may not ${verb} ${these(refused)} (${permission})`, remedy)];
  });
}

function different(queues: readonly QueueFacts[], { login, settings }: Circumstances): Verdict[] {
  const groups = new Map<string, { members: QueueFacts[]; differences: Difference[] }>();
  const hidden: QueueFacts[] = [];
  for (const facts of queues) {
    if (facts.presence !== 'there') continue;
    if (facts.current === undefined) {
      hidden.push(facts);
      continue;
    }
    const differences = differencesOf(facts.current, facts.wanted);
    if (differences.length === 0) continue;
    const key = differences.map(differenceText).join('; ');
    const group = groups.get(key) ?? { members: [], differences };
    group.members.push(facts);
    groups.set(key, group);
  }
  const found = [...groups].map(([text, { members, differences }]) => {
    const names = members.map(({ queue }) => queue);
    const policy = { name: `loghive-${names[0]}`, pattern: patternOf(names) };
    const remedy = remedyFor(
      members[0]!.current!,
      differences,
      { vhost: login.vhost, queues: names, policy },
      settings,
    );
    return failed(`${these(members)}: used as declared: ${text}`, remedy);
  });
  if (hidden.length > 0) {
    found.push(note(`${these(hidden)}: the arguments are hidden without the permission to configure`));
  }
  return found;
}

function patternOf(names: readonly string[]): string {
  const escaped = names.map((name) => name.replaceAll('.', '\\.'));
  return escaped.length === 1 ? `^${escaped[0]}$` : `^(${escaped.join('|')})$`;
}

function hazardous(queues: readonly QueueFacts[], { serverVersion }: Circumstances): Verdict[] {
  return queues.flatMap(({ queue, current }) => {
    const hazard = current && hazardOf(queue, current, serverVersion);
    return hazard === undefined ? [] : [failedBecause(hazard.sentence, 'Delete the queue while it is empty.')];
  });
}

/** In the delay queues, records wait on purpose; announcements expire. */
const isConsumed = (queue: string) => laneOf(queue) !== undefined || queue === FAILURE_QUEUE;

function waiting(all: readonly QueueFacts[], { role }: Circumstances): Verdict[] {
  const queues = all.filter(({ queue }) => isConsumed(queue));
  const full = queues.filter(({ messages, current, wanted }) => {
    const limit = Number((current ?? wanted)['x-max-length'] ?? Number.POSITIVE_INFINITY);
    return messages >= limit * FULL_SHARE;
  });
  const alone = queues.filter(({ messages, consumers }) => messages > 0 && consumers === 0);
  const verdicts: Verdict[] = [];
  if (full.length > 0) {
    verdicts.push(
      failed(
        `${these(full)}: nearly full (${full[0]!.messages} messages)`,
        'A full queue refuses records. Find out why they are not stored as fast as they arrive: loghive status.',
      ),
    );
  }
  if (alone.length > 0 && role === 'consumer') {
    verdicts.push(
      failed(`${these(alone)}: messages wait, and nothing consumes them`, 'Start loghive consume for this service.'),
    );
  }
  return verdicts;
}
