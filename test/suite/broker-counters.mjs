/** What the broker itself has counted, over all queues: evidence that is not Loghive's. */

/**
 * Adds up over a row. A broker that is killed starts again at zero, so that a row reads before it kills.
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
    /** Messages that it threw away by its own rules; nothing of Loghive's may ever end like this. */
    get discarded() {
      return of('unroutable') + of('overLength') + of('overDeliveryLimit');
    },
  };
}
