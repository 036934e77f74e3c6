/** Installs PostgreSQL into the given cache directory. */
import { installPostgresBinaries } from '../../../../dist/esm/cli/embedded/postgres/index.js';

try {
  const binDir = await installPostgresBinaries({ ask: async () => true, cache: process.argv[2] });
  process.send({ binDir }, () => process.disconnect());
} catch (error) {
  process.send({ code: error.code, message: error.message }, () => process.disconnect());
}
