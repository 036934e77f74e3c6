/** Finds RabbitMQ's programs on this machine. */
import { accessSync, constants, existsSync, readdirSync, realpathSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';

/**
 * The installed RabbitMQ: the folder of the server's scripts (not a distribution's wrappers, which require a certain
 * user), and its version if the name of its home contains it.
 */
export function findRabbitmq() {
  const folders = [];
  if (process.env.RABBITMQ_HOME) folders.push(join(process.env.RABBITMQ_HOME, 'sbin'));
  const debian = '/usr/lib/rabbitmq/lib';
  if (existsSync(debian)) {
    const homes = readdirSync(debian).filter((name) => name.startsWith('rabbitmq_server-'));
    homes.sort((a, b) => b.localeCompare(a, 'en', { numeric: true }));
    folders.push(...homes.map((name) => join(debian, name, 'sbin')));
  }
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const server = join(folder, 'rabbitmq-server');
    if (folder !== '' && existsSync(server)) folders.push(dirname(realpathSync(server)));
  }
  const scripts = folders.find(
    (folder) => isProgram(join(folder, 'rabbitmq-server')) && existsSync(join(folder, 'rabbitmq-env')),
  );
  return scripts && { scripts, version: /rabbitmq_server-([\d.]+)/.exec(scripts)?.[1] };
}

export function findEpmd(searchPath) {
  const folders = (searchPath ?? '').split(delimiter).filter((folder) => folder !== '');
  for (const folder of folders) if (isProgram(join(folder, 'epmd'))) return join(folder, 'epmd');
  for (const folder of folders) {
    if (!isProgram(join(folder, 'erl'))) continue;
    const root = dirname(dirname(realpathSync(join(folder, 'erl'))));
    const runtimes = existsSync(root) ? readdirSync(root).filter((name) => name.startsWith('erts-')) : [];
    for (const name of runtimes) {
      const epmd = join(root, name, 'bin', 'epmd');
      if (isProgram(epmd)) return epmd;
    }
  }
  throw new Error('epmd not found: it is part of Erlang. Add its folder to the PATH');
}

function isProgram(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
