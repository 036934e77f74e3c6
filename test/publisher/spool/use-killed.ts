/** A program that logs until it is killed, and what has arrived of it. */
import path from 'node:path';
import { connect } from 'amqplib';
import { useChild } from '../../support/use-servers.js';
import { sleep } from '../../support/wait.mjs';

const WRITER = path.join(import.meta.dirname, 'writer.mjs');

/** Logs in a child process until it is killed. Returns how many calls had returned, counted from `from`. */
export async function logUntilKilled(
  args: { service: string; url: string; dir: string },
  from: number,
  afterMs: number,
): Promise<number> {
  const child = useChild(WRITER, { args: [args.service, args.url, args.dir, String(from)] });
  await child.waitForLine(/^\d+$/, 20_000);
  await sleep(afterMs);
  await child.kill('SIGKILL');
  await child.exited;
  return Number(child.stdout.filter((line) => /^\d+$/.test(line)).at(-1)) + 1;
}

/** The numbers of all records in a queue, in any order. */
export async function numbersIn(url: string, queue: string): Promise<number[]> {
  const connection = await connect(url);
  const channel = await connection.createChannel();
  const { messageCount } = await channel.checkQueue(queue);
  const numbers: number[] = [];
  await new Promise<void>((resolve) => {
    let messages = 0;
    void channel.consume(
      queue,
      (message) => {
        for (const text of message!.content.toString().split('\n')) numbers.push(JSON.parse(text).information.number);
        if (++messages === messageCount) resolve();
      },
      { noAck: true },
    );
  });
  await connection.close();
  return numbers;
}
