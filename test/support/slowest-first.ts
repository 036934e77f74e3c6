/** The order of test files: those that take longest come first, so that at the end no process waits for one of them. */
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** The slowest first. They wait for processes, connections and servers. */
const SLOWEST = [
  'test/exits/exits-away.test.ts',
  'test/publisher/exit.test.ts',
  'test/exits/exits.test.ts',
  'test/cli/pipe.test.ts',
  'test/transports/console.test.ts',
  'test/publisher/publisher.test.ts',
  'test/transports/console-process.test.ts',
  'test/transports/pino.test.ts',
  'test/transports/winston-contract.test.ts',
  'test/documented-broker.test.ts',
  'test/transports/pino-worker.test.ts',
  'test/publisher/announcer.test.ts',
];

export class SlowestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const place = ({ moduleId }: TestSpecification) => {
      const at = SLOWEST.findIndex((file) => moduleId.endsWith(file));
      return at === -1 ? SLOWEST.length : at;
    };
    return sorted.sort((a, b) => place(a) - place(b));
  }
}
