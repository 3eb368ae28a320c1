import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Child, ChildEnd, ChildPlan } from './supervisor.js';

const ORPHAN_GUARD = new URL('orphan.guard.js', import.meta.url);
const LOG_SIZE_MAX = 10_000_000;
const LAST_LINE_COUNT = 8;

/** With this the coordinator and the examples end when somebody has to change something first. */
const EXIT_CODE_MISCONFIGURED = 78;

/** Starts `plan` as a process of its own, which writes to `<name>.log` in `logFolder`. */
export function spawnChild(plan: ChildPlan, logFolder: string): Child {
  const logPath = join(logFolder, `${plan.name}.log`);
  rotate(logPath);
  // A file rather than a pipe: what a child writes while we are being killed is not lost.
  const log = openSync(logPath, 'a', 0o600);
  const logStart = sizeOf(logPath);
  const child = spawn(process.execPath, ['--import', ORPHAN_GUARD.href, plan.entry], {
    cwd: fileURLToPath(new URL('.', import.meta.url)),
    env: { ...inherited(), NO_COLOR: '1', ...plan.environment },
    stdio: ['ignore', log, log, 'ipc'],
    // Out of the terminal's reach: Ctrl-C is ours to pass on.
    detached: true,
  });
  closeSync(log);
  const ended = new Promise<ChildEnd>((resolve) => {
    child.once('error', (error) =>
      resolve({
        how: `at once (${error.message})`,
        wasKilled: false,
        isMisconfigured: false,
        lastWords: [],
      }),
    );
    child.once('exit', (code, signal) => {
      const how = signal === null ? `with exit code ${String(code)}` : `by ${signal}`;
      resolve({
        how,
        wasKilled: signal !== null,
        isMisconfigured: code === EXIT_CODE_MISCONFIGURED,
        lastWords: lastLines(logPath, logStart),
      });
    });
  });
  return { ended, kill: (signal) => void child.kill(signal) };
}

/** What the caller configured for programs of its own must not reach ours. */
function inherited(): NodeJS.ProcessEnv {
  const foreign =
    /^(?:ATONE_(?:API_TOKEN|DATABASE_URL|HTTP_\w+|KAFKA_\w+|POSTGRES_BIN|PREFERRED_TRANSPORT|SIGNING_KEYS)|PG\w+|npm_\w+)$/u;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name)));
}

function rotate(path: string): void {
  if (sizeOf(path) > LOG_SIZE_MAX) {
    renameSync(path, `${path}.1`);
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

function lastLines(path: string, from: number): string[] {
  const text = readFileSync(path).subarray(from).toString();
  return text.trimEnd().split('\n').slice(-LAST_LINE_COUNT).filter(Boolean);
}
