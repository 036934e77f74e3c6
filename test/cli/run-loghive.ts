/** Runs the command to its end. */
import { tmpdir } from 'node:os';
import { useChild } from '../support/use-servers.js';

export const program = new URL('../../dist/esm/cli/main.js', import.meta.url).pathname;

export interface Result {
  code: number | null;
  stdout: string[];
  stderr: string[];
}

export async function loghive(args: readonly string[], env: Record<string, string> = {}): Promise<Result> {
  const child = useChild(program, { args: [...args], env, cwd: tmpdir() });
  child.stdin.end();
  const { code } = await child.exited;
  return { code, stdout: child.stdout, stderr: child.stderr };
}
