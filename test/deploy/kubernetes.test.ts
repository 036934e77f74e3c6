/** The manifests for Kubernetes. */
import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { PATHS } from '../../consumer/http/routes.js';
import { DEFAULT_HTTP_PORT } from '../../consumer/http/settings.js';
import { LEVELS } from '../../src/level.js';
import { FAILURE_QUEUE, queueName, SERVICES_QUEUE } from '../../src/wire.js';
import { documentOf, files, folder, STOP_MS, textOf, yamlOf } from './files.js';

const names = files.filter((file) => file.startsWith('kubernetes/') && !file.endsWith('kustomization.yaml'));
const objects = names.flatMap((name) => yamlOf(name));
// biome-ignore lint/suspicious/noExplicitAny: an object of Kubernetes
const objectOf = (kind: string): any => objects.find((object) => object.kind === kind);
const [kustomization] = yamlOf('kubernetes/kustomization.yaml');
const { spec } = objectOf('Deployment').spec.template;
const [container] = spec.containers;

test('every object has a version, a kind and a name, and all except the example secret are applied', () => {
  for (const object of objects) {
    expect(object).toMatchObject({
      apiVersion: expect.any(String),
      metadata: { name: expect.stringMatching(/^[a-z-]+$/) },
    });
  }
  expect(kustomization.resources.map((name: string) => `kubernetes/${name}`).sort()).toEqual(
    names.filter((name) => !name.endsWith('.example.yaml')).sort(),
  );
  expect(kustomization.images[0].name).toBe(container.image);
});

const isKubectlHere = spawnSync('kubectl', ['version', '--client']).status === 0;
const together = 'kubectl puts them together, in one namespace';
test(isKubectlHere ? together : `not run without kubectl: ${together}`, () => {
  if (!isKubectlHere) return;
  const { status, stdout, stderr } = spawnSync('kubectl', ['kustomize', `${folder}/kubernetes`], { encoding: 'utf8' });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  const built = yamlOf('kubectl kustomize', stdout);
  expect(new Set(built.map(({ metadata }) => metadata.namespace))).toEqual(new Set(['loghive']));
});

test('the probes match docs/monitoring.md exactly', () => {
  const block = /```yaml\n(env:\n.*?)```/s.exec(documentOf('docs/monitoring.md'))![1]!;
  const [documented] = yamlOf('docs/monitoring.md', block);
  const { startupProbe, livenessProbe, readinessProbe, ports, env } = container;
  expect({ startupProbe, livenessProbe, readinessProbe, ports }).toEqual({ ...documented, env: undefined });
  expect(env).toEqual(expect.arrayContaining(documented.env));
  for (const probe of [startupProbe, livenessProbe, readinessProbe]) expect(PATHS).toContain(probe.httpGet.path);
  expect(ports[0].containerPort).toBe(DEFAULT_HTTP_PORT);
});

test('all selectors match the pods of the deployment and its port', () => {
  const { labels } = objectOf('Deployment').spec.template.metadata;
  for (const kind of ['Deployment', 'PodDisruptionBudget', 'PodMonitor']) {
    expect(objectOf(kind).spec.selector.matchLabels).toEqual(labels);
  }
  expect(spec.topologySpreadConstraints[0].labelSelector.matchLabels).toEqual(labels);
  const [endpoint] = objectOf('PodMonitor').spec.podMetricsEndpoints;
  expect(endpoint.port).toBe(container.ports[0].name);
  expect(PATHS).toContain(endpoint.path);
  expect(objectOf('ScaledObject').spec.scaleTargetRef.name).toBe(objectOf('Deployment').metadata.name);
});

test('a pod has minimal privileges, the user of the image, and enough time to shut down', () => {
  expect(spec.terminationGracePeriodSeconds * 1000).toBeGreaterThan(STOP_MS);
  const [, user, group] = /^USER (\d+):(\d+)$/m.exec(textOf('Dockerfile'))!;
  expect(spec.securityContext).toMatchObject({
    runAsNonRoot: true,
    runAsUser: Number(user),
    runAsGroup: Number(group),
  });
  expect(container.securityContext).toEqual({
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  });
});

test('KEDA sums up the record queues only, with a secret from the example', () => {
  const { triggers } = objectOf('ScaledObject').spec;
  const { queueName: pattern, ...metadata } = triggers[0].metadata;
  for (const level of LEVELS) expect(queueName('shop.eu-1', level)).toMatch(new RegExp(pattern));
  for (const queue of [FAILURE_QUEUE, SERVICES_QUEUE]) expect(queue).not.toMatch(new RegExp(pattern));
  // KEDA accepts strings only.
  for (const value of Object.values(metadata)) expect(value).toEqual(expect.any(String));
  const authentication = objectOf('TriggerAuthentication');
  expect(triggers[0].authenticationRef.name).toBe(authentication.metadata.name);
  const [target] = authentication.spec.secretTargetRef;
  const secret = objectOf('Secret');
  expect(target.name).toBe(secret.metadata.name);
  expect(Object.keys(secret.stringData)).toContain(target.key);
  expect(metadata.vhostName).toBe(decodeURIComponent(new URL(secret.stringData.LOGHIVE_URL).pathname));
});
