/**
 * For the demo only: proof of what was logged that does not come from Loghive. Each record gets an id of the shop's own,
 * and once the logging call has come back, that id is a line in a file. At the end these lines are compared with the
 * rows of the table.
 */
import { randomUUID } from 'node:crypto';
import fs from 'node:fs';

/** Every logging call of Winston, a child logger's as well, ends in `write` of the logger itself. */
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
