/** Commands of `rabbitmqctl` that remedy a fault, ready to be copied. Pure. */
import type { BrokerHost } from '../../src/settings/broker-url.js';

export type Login = Pick<BrokerHost, 'username' | 'vhost'>;
/** Consumers need more permissions than producers. */
export type Role = 'consumer' | 'producer';

const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
const inVhost = (vhost: string) => (vhost === '/' ? '' : `-p ${quoted(vhost)} `);

export function addVhost(vhost: string): string {
  return `rabbitmqctl add_vhost ${quoted(vhost)}`;
}

/** All permissions, as for a vhost of Loghive's own. */
export function grantVhost({ username, vhost }: Login): string {
  return `rabbitmqctl set_permissions ${inVhost(vhost)}${quoted(username)} '.*' '.*' '.*'`;
}

/**
 * The permissions of docs/production.md.
 *
 * @param service that a producer logs for.
 */
export function grantAll({ username, vhost }: Login, role: Role, service: string | undefined): string {
  const own = role === 'consumer' || service === undefined ? '.+_logs' : `${service.replaceAll('.', '\\.')}_.+_logs`;
  const names =
    role === 'consumer' ? 'logs_exchange|loghive_services|failure_backoff.*' : 'logs_exchange|loghive_services';
  const configure = `^(${names}|${own})$`;
  const write = role === 'consumer' ? `^(${names}|${own}|amq\\.default)$` : configure;
  const read = role === 'consumer' ? configure : '^logs_exchange$';
  return `rabbitmqctl set_permissions ${inVhost(vhost)}${quoted(username)} ${quoted(configure)} ${quoted(write)} ${quoted(read)}`;
}

export function deleteQueue(vhost: string, queue: string): string {
  return `rabbitmqctl delete_queue ${inVhost(vhost)}${quoted(queue)}`;
}

export function deleteExchange(vhost: string, exchange: string): string {
  const at = vhost === '/' ? '' : ` --vhost=${quoted(vhost)}`;
  return `rabbitmqadmin${at} delete exchange name=${exchange}`;
}

/** @param pattern of the names of queues. */
export function setPolicy(
  vhost: string,
  name: string,
  pattern: string,
  definition: Readonly<Record<string, unknown>>,
): string {
  return `rabbitmqctl set_policy ${inVhost(vhost)}--apply-to queues ${quoted(name)} ${quoted(pattern)} ${quoted(JSON.stringify(definition))}`;
}
