import { spawn } from 'node:child_process';
import { once } from 'node:events';

// One shell for each server. It blocks in `cat` until our end of the pipe is closed, which also happens when this
// process is killed by SIGKILL. A pid is killed only if its command line still contains the mark, because pids are
// reused.
const SCRIPT = `
trap '' HUP INT TERM
dir=$1; remove=$2; shift 2
cat >/dev/null || exit
command_line() {
  if [ -r "/proc/$1/cmdline" ]; then tr '\\0' ' ' <"/proc/$1/cmdline"; else ps -o command= -p "$1"; fi
}
strike() {
  signal=$1; shift
  while [ $# -gt 0 ]; do
    case $1 in */*) pid=$(head -n 1 "$1" 2>/dev/null | tr -cd 0-9) ;; *) pid=$1 ;; esac
    if [ -n "$pid" ] && command_line "$pid" 2>/dev/null | grep -qF -- "$2"; then kill "-$signal" "$pid"; fi
    shift 2
  done 2>/dev/null
}
strike QUIT "$@"; strike CONT "$@"; sleep 0.3; strike KILL "$@"; sleep 0.2
[ "$remove" = remove ] && rm -rf -- "$dir"
exit 0
`;

/**
 * Kills other processes and removes their folder when this process exits, for whatever reason. `processes`: { pidFile }
 * (a path, read at that moment) or { pid }, each with a text `mark` that the command line of the right process
 * contains.
 */
export function startWatchdog({ dir = '', removeDir = false, processes }) {
  const marks = processes.flatMap(({ pidFile, pid, mark }) => [pidFile ?? String(pid), mark]);
  const shell = spawn('/bin/sh', ['-c', SCRIPT, 'watchdog', dir, removeDir ? 'remove' : 'keep', ...marks], {
    detached: true,
    cwd: '/',
    // cat, grep and rm must be found even if a test sets a bare PATH.
    env: { PATH: [process.env.PATH, '/usr/bin', '/bin'].join(':') },
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  shell.unref();
  shell.stdin.unref?.();
  shell.on('error', () => {});
  shell.stdin.on('error', () => {});
  return {
    /** The servers were stopped gracefully, so the watchdog is no longer needed. Resolves when its shell has exited. */
    async release() {
      const isGone = shell.exitCode !== null || shell.signalCode !== null || shell.pid === undefined;
      shell.ref();
      shell.kill('SIGKILL');
      shell.stdin.destroy();
      if (!isGone) await once(shell, 'exit');
    },
  };
}
