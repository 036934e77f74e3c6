import { Session } from 'node:inspector/promises';
import { onEnd } from './use-servers.js';

/**
 * Has a worker thread of this process run an expression, as a debugger would: whatever that does to the thread, it did by
 * itself. Resolves when the thread was asked, and not when it has answered.
 *
 * @param name of the thread, as it was given to `new Worker`.
 */
export async function evaluateInWorker(name: string, expression: string): Promise<void> {
  const session = new Session();
  session.connect();
  onEnd(() => session.disconnect());
  const attached = new Promise<string>((resolve) => {
    session.on('NodeWorker.attachedToWorker', ({ params: { sessionId, workerInfo } }) => {
      if (workerInfo.title.includes(name)) resolve(sessionId);
    });
  });
  await session.post('NodeWorker.enable', { waitForDebuggerOnStart: false });
  const request = { id: 1, method: 'Runtime.evaluate', params: { expression } };
  await session.post('NodeWorker.sendMessageToWorker', { sessionId: await attached, message: JSON.stringify(request) });
}
