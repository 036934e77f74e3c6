import { randomBytes } from 'node:crypto';
import { binary } from './rabbitmq-control.mjs';
import { requireRabbitmqOf } from './rabbitmq-versions.mjs';
import { requireRabbitmq } from './require-rabbitmq.mjs';
import { eventually } from './wait.mjs';

const NAMES = ['one', 'two', 'three'];

/** Starts three nodes that are one broker; see rabbitmq-cluster.d.mts. */
export async function startRabbitmqCluster({ version, ...options } = {}) {
  const nodes = NAMES.map((name) => `${name}@localhost`);
  const cookie = randomBytes(16).toString('hex');
  const members = [];
  const startMember = (node, at) => {
    // Each knows those that run already: RabbitMQ 4 waits for all that it knows of for longer than a minute.
    const known = nodes.slice(0, at + 1);
    const membership = { ...options, cluster: { node, nodes: known, cookie, epmdPort: members[0]?.epmdPort } };
    return version === undefined ? requireRabbitmq(membership) : requireRabbitmqOf(version, membership);
  };
  const stop = async () => {
    // The first one's epmd knows the ports of all.
    for (const member of [...members].reverse()) await member.stop();
  };
  try {
    // One after the other: some that start for the first time at the same moment may each become a broker of its own.
    for (const [at, node] of nodes.entries()) members.push(await startMember(node, at));
    await eventually(async () => (await runningNodes(members[0])) === nodes.length, {
      what: 'three nodes are one broker',
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
    /** Of those that run, since each was started. */
    async counters() {
      const each = await Promise.all(members.filter(({ pid }) => pid !== undefined).map((member) => member.counters()));
      const sumOf = (name) => each.reduce((sum, counters) => sum + counters[name], 0);
      return Object.fromEntries(Object.keys(each[0]).map((name) => [name, sumOf(name)]));
    },
    stop,
  };
}

/** 3.10 has another name for it than later ones. */
async function runningNodes(member) {
  const length = await member.eval(`Name = case erlang:function_exported(rabbit_nodes, list_running, 0) of
    true -> list_running; false -> all_running end, rabbit_json:encode(length(rabbit_nodes:Name()))`);
  return Number(length);
}
