/** The broker's own counters over all queues, as evidence that is independent of Loghive. */

/**
 * Adds up the counters of a scenario. A killed broker restarts its counters at zero, so scenarios read them before a
 * kill.
 */
export function createBrokerCounters(rabbitmq, vhost) {
  let before = {};
  const sums = {};

  async function read() {
    const now = await rabbitmq.counters(vhost);
    for (const [name, value] of Object.entries(now)) sums[name] = (sums[name] ?? 0) + value - (before[name] ?? 0);
    before = now;
  }

  const of = (name) => sums[name] ?? 0;
  return {
    begin: async () => {
      before = await rabbitmq.counters(vhost);
    },
    read,
    restarted: () => {
      before = {};
    },
    get redelivered() {
      return of('redelivered');
    },
    get returned() {
      return of('returned');
    },
    /** Messages that the broker discarded. None of Loghive's may ever be. */
    get discarded() {
      return of('unroutable') + of('overLength') + of('overDeliveryLimit');
    },
  };
}
