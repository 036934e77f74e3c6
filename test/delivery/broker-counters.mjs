/** What the broker itself has counted since it started, over all queues: evidence that is not Loghive's. */

/** @returns counts by name, such as `messages_redelivered_total`. */
export async function readBrokerCounters(rabbitmq) {
  return JSON.parse(
    await rabbitmq.eval(`
      Add = fun(Counts, Sum) -> maps:fold(fun(Name, Number, All) ->
        maps:update_with(Name, fun(Before) -> Before + Number end, Number, All) end, Sum, Counts) end,
      rabbit_json:encode(lists:foldl(Add, #{}, maps:values(rabbit_global_counters:overview())))`),
  );
}

/**
 * Adds up over a row. A broker that is killed starts again at zero, so that a row reads before it kills.
 */
export function createBrokerCounters(rabbitmq) {
  let before = {};
  const sums = {};

  async function read() {
    const now = await readBrokerCounters(rabbitmq);
    for (const [name, value] of Object.entries(now)) sums[name] = (sums[name] ?? 0) + value - (before[name] ?? 0);
    before = now;
  }

  const of = (name) => sums[`messages_${name}_total`] ?? 0;
  return {
    begin: async () => {
      before = await readBrokerCounters(rabbitmq);
    },
    read,
    restarted: () => {
      before = {};
    },
    get redelivered() {
      return of('redelivered');
    },
    get returned() {
      return of('unroutable_returned');
    },
    /** Messages that it threw away by its own rules; nothing of Loghive's may ever end like this. */
    get discarded() {
      const names = ['unroutable_dropped', 'dead_lettered_delivery_limit', 'dead_lettered_maxlen'];
      return names.reduce((sum, name) => sum + of(name), 0);
    },
  };
}
