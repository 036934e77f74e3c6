/** Starts an embedded PostgreSQL with the given options and prints the result; as user `uid` if given. */
import { startEmbeddedPostgres } from '../../../../dist/esm/cli/embedded/postgres/index.js';

const { uid, ...options } = JSON.parse(process.argv[2]);
if (uid !== undefined) {
  process.setgroups([]);
  process.setgid(uid);
  process.setuid(uid);
}
const notices = [];
try {
  const server = await startEmbeddedPostgres({ ...options, notice: (text) => notices.push(text) });
  process.on('message', () => server.stop().then(() => process.disconnect()));
  process.send({ ...server, notices });
} catch (error) {
  process.send({ code: error.code, message: error.message, notices }, () => process.disconnect());
}
