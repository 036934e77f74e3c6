/**
 * For the demo only: evidence of logged records that is independent of Loghive. Each record gets an id from its service,
 * which is written to a file after the logging call has returned. At the end the file is compared with the rows of the
 * table.
 */
import { randomUUID } from 'node:crypto';
import fs from 'node:fs';

/** Every Winston logging call, including those of child loggers, ends in the logger's `write`. */
export function keepReceipts(logger, file) {
  const descriptor = fs.openSync(file, 'a');
  const write = logger.write.bind(logger);
  logger.write = (info) => {
    const receipt = randomUUID();
    const more = write(Object.assign(info, { receipt }));
    fs.writeSync(descriptor, `${receipt}\n`);
    return more;
  };
}

/** The same for Pino, as its `hooks`. */
export function receiptHooks(file) {
  const descriptor = fs.openSync(file, 'a');
  return {
    logMethod(args, method) {
      const receipt = randomUUID();
      const [fields, ...rest] = typeof args[0] === 'string' ? [{}, ...args] : args;
      method.apply(this, [{ ...fields, receipt }, ...rest]);
      fs.writeSync(descriptor, `${receipt}\n`);
    },
  };
}
