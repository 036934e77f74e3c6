import { binary, evaluate } from './rabbitmq-control.mjs';

// The regular counts of a quorum queue may be five seconds old; its Raft machine has the current ones. It does not answer
// while the queue is being created.
const LIST_QUEUES = `
  AskAgain = fun Again(Q, Query, Left) -> case ra:local_query(amqqueue:get_pid(Q), Query) of
    {ok, {_, Number}, _} -> Number;
    _ when Left > 0 -> timer:sleep(50), Again(Q, Query, Left - 1);
    Failure -> error({quorum_queue_unavailable, amqqueue:get_name(Q), Failure})
  end end,
  Ask = fun(Q, Query) -> AskAgain(Q, Query, 20) end,
  Numbers = fun(Q) -> case amqqueue:get_type(Q) of
    rabbit_quorum_queue ->
      {quorum, Ask(Q, fun rabbit_fifo:query_messages_ready/1), Ask(Q, fun rabbit_fifo:query_messages_checked_out/1),
        Ask(Q, fun rabbit_fifo:query_consumer_count/1)};
    Type ->
      [{_, Ready}, {_, Unacked}, {_, Consumers}] =
        rabbit_amqqueue:info(Q, [messages_ready, messages_unacknowledged, consumers]),
      {case Type of rabbit_classic_queue -> classic; rabbit_stream_queue -> stream; _ -> Type end,
        Ready, Unacked, Consumers}
  end end,
  Describe = fun(Q) ->
    {resource, _, queue, Name} = amqqueue:get_name(Q),
    {Type, Ready, Unacked, Consumers} = Numbers(Q),
    #{name => Name, type => Type, durable => amqqueue:is_durable(Q), messages => Ready + Unacked, ready => Ready,
      unacked => Unacked, consumers => Consumers,
      arguments => maps:from_list([{K, V} || {K, _, V} <- amqqueue:get_arguments(Q), not is_list(V)])}
  end`;

/**
 * Administration of a running broker. `node` is its address: { url, controlPort, controlSecret, controlHost? }, plain
 * data that can be passed to another process.
 */
export function administer(node) {
  const run = (code, timeoutMs) => evaluate(node, code, timeoutMs);
  const ask = async (code) => JSON.parse(await run(code));

  /** The broker's URL for a vhost, and for a user other than guest. */
  function vhostUrl(vhost, { user, password } = {}) {
    const url = new URL(node.url);
    if (user !== undefined) url.username = encodeURIComponent(user);
    if (password !== undefined) url.password = encodeURIComponent(password);
    url.pathname = vhost === '/' ? '' : `/${encodeURIComponent(vhost)}`;
    return url.href;
  }

  async function setPermissions(user, vhost, { configure = '.*', write = '.*', read = '.*' } = {}) {
    const patterns = [configure, write, read].map(binary).join(', ');
    await run(
      `ok = rabbit_auth_backend_internal:set_permissions(${binary(user)}, ${binary(vhost)}, ${patterns}, <<"test">>)`,
    );
  }

  return {
    eval: run,
    vhostUrl,
    setPermissions,

    async addVhost(name) {
      const result = await run(`rabbit_vhost:add(${binary(name)}, <<"test">>)`);
      if (result !== 'ok') throw new Error(`RabbitMQ did not add the vhost ${name}: ${result}`);
      await setPermissions('guest', name);
      return vhostUrl(name);
    },

    async deleteVhost(name) {
      await run(`rabbit_vhost:delete(${binary(name)}, <<"test">>)`, 60_000);
    },

    async addUser(name, password, { vhost = '/', configure, write, read, tags = [] } = {}) {
      await run(`ok = rabbit_auth_backend_internal:add_user(${binary(name)}, ${binary(password)}, <<"test">>)`);
      const atoms = tags.map((tag) => `binary_to_atom(${binary(tag)})`).join(', ');
      await run(`ok = rabbit_auth_backend_internal:set_tags(${binary(name)}, [${atoms}], <<"test">>)`);
      await setPermissions(name, vhost, { configure, write, read });
      return vhostUrl(vhost, { user: name, password });
    },

    async deleteUser(name) {
      await run(`rabbit_auth_backend_internal:delete_user(${binary(name)}, <<"test">>)`);
    },

    async sync() {
      await run('mnesia:sync_log(), [dets:sync(Table) || Table <- dets:all()]');
    },

    /** A number up to 1 is a fraction of the memory, a larger one bytes; default 0.4. */
    async setVmWatermark(watermark = 0.4) {
      const value = watermark < 1 ? Number(watermark).toFixed(6) : `{absolute, ${Math.round(watermark)}}`;
      await run(`vm_memory_monitor:set_vm_memory_high_watermark(${value})`);
    },

    async setConsumerTimeout(ms) {
      const settings = { consumer_timeout: ms, channel_tick_interval: 500, quorum_tick_interval: 500 };
      for (const [name, value] of Object.entries(settings)) await run(`application:set_env(rabbit, ${name}, ${value})`);
    },

    async enableFeatureFlag(name) {
      await run(`ok = rabbit_feature_flags:enable(binary_to_atom(${binary(name)}))`, 60_000);
    },

    async featureFlags() {
      return ask(`rabbit_json:encode([F || F <- maps:keys(rabbit_feature_flags:list(all)),
        rabbit_feature_flags:is_enabled(F)])`);
    },

    /** Closes client connections as an operator would (320 CONNECTION_FORCED): all, or those of one vhost or user. */
    async closeConnections({ vhost, user, reason = 'closed by a test' } = {}) {
      return ask(`rabbit_json:encode(length([rabbit_networking:close_connection(Pid, ${binary(reason)})
        || [{pid, Pid}, {vhost, V}, {user, U}] <- rabbit_networking:connection_info_all([pid, vhost, user]),
        ${vhost === undefined ? 'true' : `V =:= ${binary(vhost)}`},
        ${user === undefined ? 'true' : `U =:= ${binary(user)}`}, is_pid(Pid)]))`);
    },

    async listConnections({ vhost } = {}) {
      return ask(`rabbit_json:encode([#{name => N, vhost => V, user => U, state => S, channels => C, ssl => T}
        || [{name, N}, {vhost, V}, {user, U}, {state, S}, {channels, C}, {ssl, T}]
          <- rabbit_networking:connection_info_all([name, vhost, user, state, channels, ssl]),
        ${vhost === undefined ? 'true' : `V =:= ${binary(vhost)}`}])`);
    },

    async listQueues(vhost = '/') {
      return ask(`${LIST_QUEUES}, rabbit_json:encode([Describe(Q) || Q <- rabbit_amqqueue:list(${binary(vhost)})])`);
    },

    async deleteQueue(name, vhost = '/') {
      await run(`{ok, Q} = rabbit_amqqueue:lookup(rabbit_misc:r(${binary(vhost)}, queue, ${binary(name)})),
        rabbit_amqqueue:delete(Q, false, false, <<"test">>)`);
    },

    async setPolicy(name, pattern, definition, { vhost = '/', applyTo = 'queues', priority = 0 } = {}) {
      const parsed = `rabbit_json:decode(${binary(JSON.stringify(definition))})`;
      await run(`ok = rabbit_policy:set(${binary(vhost)}, ${binary(name)}, ${binary(pattern)},
        maps:to_list(${parsed}), ${priority}, ${binary(applyTo)}, <<"test">>)`);
    },

    async counters() {
      const all = await ask(`
        Add = fun(Counts, Sum) -> maps:fold(fun(Name, Number, All) ->
          maps:update_with(Name, fun(Before) -> Before + Number end, Number, All) end, Sum, Counts) end,
        rabbit_json:encode(lists:foldl(Add, #{}, maps:values(rabbit_global_counters:overview())))`);
      const of = (name) => all[`messages_${name}_total`] ?? 0;
      return {
        redelivered: of('redelivered'),
        returned: of('unroutable_returned'),
        unroutable: of('unroutable_dropped'),
        overLength: of('dead_lettered_maxlen'),
        overDeliveryLimit: of('dead_lettered_delivery_limit'),
      };
    },

    async version() {
      return run('unicode:characters_to_binary(rabbit_misc:version())');
    },
  };
}
