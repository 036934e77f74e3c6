/** The rows in the order in which they run. */
import brokerKilled from './rows/broker-killed.mjs';
import consumerKilled from './rows/consumer-killed.mjs';
import killedAfterCommit from './rows/killed-after-commit.mjs';

/**
 * @typedef Row
 * @property name for the command line.
 * @property title one sentence.
 * @property short whether `--short` runs it.
 * @property bites how often the fault must have bitten at least, by name; `run` gives the numbers.
 * @property env environment of the application and the consumers.
 * @property run plays the fault; everything is counted after it.
 */
export const rows = [consumerKilled, killedAfterCommit, brokerKilled];
