import { Session } from 'node:inspector/promises';
import { onEnd } from './use-servers.js';

/**
 * Runs an expression in a worker thread of this process, as a debugger would, so that its effects look like the
 * thread's own. Resolves when the request was sent, not when the thread has answered.
 *
 * @param name name of the thread, as passed to `new Worker`.
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
