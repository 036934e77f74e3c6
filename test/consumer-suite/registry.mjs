/** The scenarios in execution order, as described in test/suite/run-suite.mjs. */
import afterCommit from './scenarios/after-commit.mjs';
import beforeCommit from './scenarios/before-commit.mjs';
import inMigration from './scenarios/in-migration.mjs';
import inPartitionSwap from './scenarios/in-partition-swap.mjs';
import inReplay from './scenarios/in-replay.mjs';
import inRetry from './scenarios/in-retry.mjs';
import memory from './scenarios/memory.mjs';
import otherServices from './scenarios/other-services.mjs';
import pool from './scenarios/pool.mjs';
import tenStart from './scenarios/ten-start.mjs';
import threeNodes from './scenarios/three-nodes.mjs';

export const scenarios = [
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
