/** A function on AWS Lambda: its process is frozen when it returns, so it flushes first. */
import { LoggerClient, withContext } from 'loghive';

// LOGHIVE_SERVICE and LOGHIVE_URL say as what, and where to. One connection for all calls of this instance.
const logger = new LoggerClient();

export async function handler(event, { awsRequestId }) {
  return withContext({ requestId: awsRequestId }, async () => {
    try {
      return await lookUp(event.order);
    } catch (error) {
      logger.error('request failed', error);
      throw error;
    } finally {
      // A broker that is away must not keep the answer: what is not confirmed by then waits for the next call.
      await logger.flush({ timeoutMs: 2000 });
    }
  });
}

async function lookUp(order) {
  if (order === undefined) throw new Error('the warehouse does not answer');
  logger.info('order looked up', { order });
  return { order };
}
