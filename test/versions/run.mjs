/**
 * Runs the short delivery scenarios and the projects that install the packed file: on each Node with the newest
 * PostgreSQL and on each PostgreSQL with the oldest Node, both with the oldest RabbitMQ, and on each later RabbitMQ with
 * the newest of both; there also the tests of `loghive doctor` about the broker.
 *
 *   node test/versions/run.mjs [--node 22] [--postgres 15] [--rabbitmq 4.3] [--json]
 *
 * --node and --postgres (majors) and --rabbitmq select combinations with these versions. Prints one line for each
 * scenario or project (with --json one object); the last line is "N passed, N failed". Exit status 1 if one failed.
 */
import path from 'node:path';
import { parseArgs } from 'node:util';
import { installPackage } from '../projects/installation.mjs';
import { faultsOf, PROJECTS, prepareProject, runProject } from '../projects/projects.mjs';
import { startChild } from '../support/child.mjs';
import { startServers } from '../support/servers.mjs';
import { useTemporarySpool } from '../support/temporary-spool.mjs';
import { eventually } from '../support/wait.mjs';
import { majorOf, NODES, nodeProgram, POSTGRES, postgresPrograms, RABBITMQS } from './versions.mjs';

useTemporarySpool();

const ROOT = path.join(import.meta.dirname, '..', '..');
const DELIVERY = path.join(import.meta.dirname, '..', 'delivery', 'run.mjs');

const { values: flags } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    node: { type: 'string' },
    postgres: { type: 'string' },
    rabbitmq: { type: 'string' },
  },
});

function combinations() {
  const newest = { node: NODES.at(-1), postgres: POSTGRES.at(-1) };
  const oldest = { node: NODES[0], rabbitmq: RABBITMQS[0] };
  const all = [
    ...NODES.map((node) => ({ ...newest, ...oldest, node })),
    ...POSTGRES.slice(0, -1).map((postgres) => ({ ...oldest, postgres })),
    ...RABBITMQS.slice(1).map((rabbitmq) => ({ ...newest, rabbitmq })),
  ];
  const wanted = (flag, version) => flag === undefined || flag === version;
  return all.filter(
    ({ node, postgres, rabbitmq }) =>
      wanted(flags.node, majorOf(node)) &&
      wanted(flags.postgres, majorOf(postgres)) &&
      wanted(flags.rabbitmq, rabbitmq),
  );
}

const counts = { passed: 0, failed: 0 };

function report({ node, postgres: packaged, rabbitmq }, suite, name, ok, facts, faults) {
  counts[ok ? 'passed' : 'failed']++;
  // PostgreSQL versions have two numbers; those of its npm package have three and a suffix.
  const postgres = packaged.split('.').slice(0, 2).join('.');
  if (flags.json) {
    process.stdout.write(`${JSON.stringify({ ok, node, postgres, rabbitmq, suite, name, ...facts, faults })}\n`);
    return;
  }
  const numbers = Object.entries(facts).map(([what, number]) => `${what} ${number ?? '?'}`);
  const where = [`Node ${node}`.padEnd(12), `PostgreSQL ${postgres}`.padEnd(16), `RabbitMQ ${rabbitmq}`.padEnd(15)];
  const line = [ok ? 'ok  ' : 'FAIL', ...where, suite.padEnd(8), name.padEnd(28), numbers.join(', ')];
  process.stdout.write(`${[line.join('  ').trimEnd(), ...faults.map((fault) => `       ${fault}`)].join('\n')}\n`);
}

/**
 * Each project logs on this Node version. A consumer from the packed file, on the same Node, stores the records in this
 * PostgreSQL.
 *
 * @returns the combination with the full version of RabbitMQ.
 */
async function runProjects(wanted, programs, installation, projects) {
  const servers = await startServers({
    rabbitmq: { version: wanted.rabbitmq },
    postgres: { binDir: programs.binDir },
  });
  const combination = { ...wanted, rabbitmq: servers.rabbitmq.version };
  const services = new Map(projects.map(({ name }) => [name, `on-${name}`]));
  const database = 'projects';
  const query = (sql, params) => servers.postgres.query(sql, params, database);
  let consumer;
  try {
    consumer = startChild(path.join(installation.app, 'node_modules', '.bin', 'loghive'), {
      args: ['consume', ...services.values()],
      env: {
        LOGHIVE_URL: servers.rabbitmq.url,
        LOGHIVE_DATABASE_URL: await servers.postgres.createDatabase(database),
      },
      cwd: installation.app,
      nodePath: programs.nodePath,
    });
    await consumer.waitForLine(/connected to RabbitMQ/, 60_000);
    for (const project of projects) {
      const service = services.get(project.name);
      const begun = performance.now();
      const faults = [];
      try {
        await runProject(project, { url: servers.rabbitmq.url, service, nodePath: programs.nodePath });
        await eventually(async () => (await faultsOf(service, query)).length === 0, { withinMs: 20_000 }).catch(
          async () => faults.push(...(await faultsOf(service, query)).slice(0, 5)),
        );
      } catch (error) {
        faults.push(error.message);
      }
      const seconds = Number(((performance.now() - begun) / 1000).toFixed(1));
      report(combination, 'project', project.name, faults.length === 0, { seconds }, faults);
    }
    const { code } = await consumer.kill('SIGTERM');
    report(combination, 'project', 'loghive consume ends', code === 0, {}, code === 0 ? [] : consumer.lines.slice(-15));
    return combination;
  } finally {
    await consumer?.kill();
    await servers.stop();
  }
}

/** The delivery suite, with all of our processes, including its runner, on this Node. */
async function runDelivery(combination, version, { nodePath, binDir }) {
  const args = ['--short', '--json', '--rabbitmq', version, '--postgres-bin', binDir];
  const child = startChild(DELIVERY, { nodePath, args });
  let summary;
  for await (const line of child) {
    const found = parsed(line);
    if (found?.name === undefined) {
      if (found?.passed !== undefined) summary = found;
      else process.stderr.write(`${line}\n`);
      continue;
    }
    const { accepted, stored, twice, lost } = found;
    report(combination, 'delivery', found.name, found.ok, { accepted, stored, twice, lost }, found.faults);
  }
  const { code, signal } = await child.exited;
  if (summary === undefined) {
    report(combination, 'delivery', 'the suite', false, {}, [`it ended with ${signal ?? code} before its summary`]);
  }
}

/** What `loghive doctor` says about a broker that is set up wrongly. `npm test` runs this on the oldest RabbitMQ. */
async function runDoctor(combination, version) {
  const child = startChild(path.join(ROOT, 'node_modules', 'vitest', 'vitest.mjs'), {
    args: ['run', '--project', 'operations', 'test/cli/doctor/broker.test.ts'],
    env: { LOGHIVE_TEST_RABBITMQ: version },
    cwd: ROOT,
  });
  const { code } = await child.exited;
  report(combination, 'doctor', 'faults of the broker', code === 0, {}, code === 0 ? [] : child.lines.slice(-30));
}

function parsed(line) {
  try {
    return line.startsWith('{') ? JSON.parse(line) : undefined;
  } catch {
    return undefined;
  }
}

async function main() {
  const chosen = combinations();
  if (chosen.length === 0) {
    throw new Error(`nothing to run. Available: Node ${NODES}, PostgreSQL ${POSTGRES} and RabbitMQ ${RABBITMQS}`);
  }
  process.stderr.write('installing the versions to be tested\n');
  const installation = await installPackage();
  try {
    const projects = [];
    for (const name of PROJECTS) projects.push(await prepareProject(name, installation));
    for (const wanted of chosen) {
      const { node, postgres, rabbitmq } = wanted;
      const programs = { nodePath: await nodeProgram(node), binDir: await postgresPrograms(postgres) };
      const combination = await runProjects(wanted, programs, installation, projects);
      await runDelivery(combination, rabbitmq, programs);
      if (rabbitmq !== RABBITMQS[0]) await runDoctor(combination, rabbitmq);
    }
  } finally {
    await installation.remove();
  }
  process.stdout.write(`${flags.json ? JSON.stringify(counts) : `${counts.passed} passed, ${counts.failed} failed`}\n`);
  process.exitCode = counts.failed === 0 ? 0 : 1;
}

await main();
