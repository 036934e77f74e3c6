import { spawnSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';

const POLICY = '/usr/sbin/policy-rc.d';

/** Why this machine's package manager cannot install a server; undefined if it can. */
export function whyNotInstall(env = process.env) {
  if (env.LOGHIVE_TEST_INSTALL === '0') return 'LOGHIVE_TEST_INSTALL=0 disables installation';
  if (process.platform !== 'linux' || !existsSync('/usr/bin/apt-get'))
    return 'it can only be installed automatically on Debian';
  if (process.getuid?.() !== 0) return 'only root can install it';
  return undefined;
}

/** Installs Debian's package without starting its service. Reports on stderr what it does. */
export function installPackage(name) {
  process.stderr.write(`loghive tests: ${name} was not found; running apt-get install ${name}\n`);
  // Debian's mechanism to prevent an installation from starting a service. An existing policy is kept.
  const ownPolicy = !existsSync(POLICY);
  if (ownPolicy) writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    apt(name, 'update');
    apt(name, 'install', '-y', '--no-install-recommends', name);
  } finally {
    if (ownPolicy) rmSync(POLICY, { force: true });
  }
}

function apt(name, ...args) {
  const result = spawnSync('apt-get', ['-q', '-o', 'DPkg::Lock::Timeout=300', ...args], {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' },
    stdio: ['ignore', 2, 2],
  });
  if (result.status === 0) return;
  const reason = result.error?.message ?? `exit code ${result.status}`;
  throw new Error(`apt-get ${args.join(' ')} failed (${reason}): install ${name} by hand`);
}
