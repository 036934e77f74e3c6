/**
 * AWS's own runtime for Node (npm `aws-lambda-ric`) with an example's handler. Only the package's addon, which would
 * have to be compiled, is replaced: see lambda-client.cjs.
 */
import { cp, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { startChild } from '../support/child.mjs';

export const RUNTIME = 'aws-lambda-ric@3.3.0';

/** @param folder folder with the handler's package and the runtime. */
export async function startLambda(folder, env) {
  const runtime = path.join(folder, 'node_modules', 'aws-lambda-ric');
  const addon = path.join(runtime, 'dist', 'rapid-client.node');
  await mkdir(addon, { recursive: true });
  await writeFile(path.join(addon, 'package.json'), '{ "main": "client.cjs" }\n');
  await cp(path.join(import.meta.dirname, 'lambda-client.cjs'), path.join(addon, 'client.cjs'));
  const child = startChild(path.join(runtime, 'bin', 'index.mjs'), {
    args: ['handler.handler'],
    cwd: folder,
    env: { ...env, AWS_LAMBDA_RUNTIME_API: '127.0.0.1:9001' },
  });
  return {
    child,
    /** Resumes it, sends an event, and freezes it again as soon as it has answered. Calls `meanwhile` in between. */
    async invoke(event, awsRequestId, { withinMs = 15_000, meanwhile = async () => {} } = {}) {
      const from = child.lines.length;
      await child.kill('SIGCONT');
      child.stdin.write(`${JSON.stringify({ id: awsRequestId, event })}\n`);
      await meanwhile();
      const [, answer] = await child.waitForLine(/^answer (.*)$/, withinMs, { from });
      await child.kill('SIGSTOP');
      return JSON.parse(answer);
    },
  };
}
