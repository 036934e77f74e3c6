import { randomBytes } from 'node:crypto';
import { binary } from './rabbitmq-control.mjs';
import { requireRabbitmqOf } from './rabbitmq-versions.mjs';
import { requireRabbitmq } from './require-rabbitmq.mjs';
import { eventually } from './wait.mjs';

const NAMES = ['one', 'two', 'three'];

/** Starts a cluster of three nodes; see rabbitmq-cluster.d.mts. */
export async function startRabbitmqCluster({ version, ...options } = {}) {
  const nodes = NAMES.map((name) => `${name}@localhost`);
  const cookie = randomBytes(16).toString('hex');
  const members = [];
  const startMember = (node, at) => {
    // Each node is configured with those that are already running: RabbitMQ 4 waits for more than a minute for all
    // configured nodes.
    const known = nodes.slice(0, at + 1);
    const membership = { ...options, cluster: { node, nodes: known, cookie, epmdPort: members[0]?.epmdPort } };
    return version === undefined ? requireRabbitmq(membership) : requireRabbitmqOf(version, membership);
  };
  const stop = async () => {
    // The first node's epmd knows the ports of all nodes.
    for (const member of [...members].reverse()) await member.stop();
  };
  try {
    // One after the other: nodes that start for the first time at the same moment may form separate clusters.
    for (const [at, node] of nodes.entries()) members.push(await startMember(node, at));
    await eventually(async () => (await runningNodes(members[0])) === nodes.length, {
      what: 'three nodes form a cluster',
    });
  } catch (error) {
    await stop().catch(() => {});
    throw error;
  }

  function running() {
    const member = members.find(({ pid }) => pid !== undefined);
    if (member === undefined) throw new Error('no node is running');
    return member;
  }

  return {
    members,
    version: members[0].version,
    running,
    async addVhost(name) {
      await members[0].addVhost(name);
      const hosts = members.map(({ host, port }) => `${host}:${port}`);
      return `amqp://guest:guest@${hosts.join(',')}/${encodeURIComponent(name)}`;
    },
    async leaderOf(queue, vhost) {
      const leader = await running().eval(`
        {ok, Q} = rabbit_amqqueue:lookup(rabbit_misc:r(${binary(vhost)}, queue, ${binary(queue)})),
        [{leader, Leader}] = rabbit_amqqueue:info(Q, [leader]), atom_to_binary(Leader)`);
      return members[nodes.indexOf(leader)];
    },
    async isWhole(vhost) {
      const least = await running().eval(`rabbit_json:encode(lists:min([${nodes.length} | [length(Online)
        || Q <- rabbit_amqqueue:list(${binary(vhost)}), [{online, Online}] <- [rabbit_amqqueue:info(Q, [online])],
        is_list(Online)]]))`);
      return Number(least) === nodes.length;
    },
    listQueues: (vhost) => running().listQueues(vhost),
    deleteVhost: (vhost) => running().deleteVhost(vhost),
    /** The sum over the running members, each since its start. */
    async counters() {
      const each = await Promise.all(members.filter(({ pid }) => pid !== undefined).map((member) => member.counters()));
      const sumOf = (name) => each.reduce((sum, counters) => sum + counters[name], 0);
      return Object.fromEntries(Object.keys(each[0]).map((name) => [name, sumOf(name)]));
    },
    stop,
  };
}

/** 3.10 has a different name for it. */
async function runningNodes(member) {
  const length = await member.eval(`Name = case erlang:function_exported(rabbit_nodes, list_running, 0) of
    true -> list_running; false -> all_running end, rabbit_json:encode(length(rabbit_nodes:Name()))`);
  return Number(length);
}
