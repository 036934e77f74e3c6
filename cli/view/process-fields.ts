/**
 * Folds the fields that say which process logged a record: they are shown where they differ from those of the previous
 * record of the service, after all others, instead of on every line.
 */
import type { Field } from './record-parts.js';

/** As loggers, OpenTelemetry and container platforms name them. */
const NAMES: ReadonlySet<string> = new Set([
  'hostname',
  'host',
  'host.name',
  'pid',
  'ppid',
  'process.pid',
  'process_id',
  'thread',
  'thread.name',
  'nodeVersion',
  'env',
  'environment',
  'deployment.environment',
  'deployment.environment.name',
  'region',
  'version',
  'release',
  'service.name',
  'service.version',
  'service.namespace',
  'service.instance.id',
  'container',
  'container.id',
  'pod',
  'node',
  'namespace',
  'k8s.pod.name',
  'k8s.node.name',
  'k8s.namespace.name',
  'k8s.container.name',
]);
const MAX_SERVICES = 1000;

export type Folding = (service: string, fields: readonly Field[]) => readonly Field[];

/** @param always names of fields that are never folded. */
export function createFolding(always: readonly string[] = []): Folding {
  const services = new Map<string, Map<string, string>>();
  return (service, fields) => {
    let last = services.get(service);
    if (last === undefined) {
      if (services.size >= MAX_SERVICES) services.clear();
      last = new Map();
      services.set(service, last);
    }
    const known = last;
    const isOfProcess = ({ name }: Field) => NAMES.has(name) && !always.includes(name);
    const changed = fields.filter((field) => isOfProcess(field) && known.get(field.name) !== field.json);
    for (const { name, json } of changed) known.set(name, json);
    return [...fields.filter((field) => !isOfProcess(field)), ...changed];
  };
}
