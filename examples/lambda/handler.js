/** An AWS Lambda function. Its process is frozen when it returns, so it flushes first. */
import { LoggerClient, withContext } from 'loghive';

// LOGHIVE_SERVICE and LOGHIVE_URL set the service name and the broker. All calls of this instance share one connection.
const logger = new LoggerClient();

export async function handler(event, { awsRequestId }) {
  return withContext({ requestId: awsRequestId }, async () => {
    try {
      return await lookUp(event.order);
    } catch (error) {
      logger.error('request failed', error);
      throw error;
    } finally {
      // An unreachable broker must not delay the response for long. Unconfirmed records wait in memory for the next
      // call.
      await logger.flush({ timeoutMs: 2000 });
    }
  });
}

async function lookUp(order) {
  if (order === undefined) throw new Error('the warehouse does not answer');
  logger.info('order looked up', { order });
  return { order };
}
