/** The rows in the order in which they run; test/suite/run-suite.mjs says what a row is. */
import afterCommit from './rows/after-commit.mjs';
import beforeCommit from './rows/before-commit.mjs';
import inMigration from './rows/in-migration.mjs';
import inPartitionSwap from './rows/in-partition-swap.mjs';
import inReplay from './rows/in-replay.mjs';
import inRetry from './rows/in-retry.mjs';
import memory from './rows/memory.mjs';
import otherServices from './rows/other-services.mjs';
import pool from './rows/pool.mjs';
import tenStart from './rows/ten-start.mjs';
import threeNodes from './rows/three-nodes.mjs';

export const rows = [
  pool,
  beforeCommit,
  afterCommit,
  inRetry,
  inMigration,
  inPartitionSwap,
  inReplay,
  tenStart,
  threeNodes,
  otherServices,
  memory,
];
