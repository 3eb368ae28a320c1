import { spawn } from 'node:child_process';

export interface ProgramResult {
  readonly exitCode: number | null;
  readonly output: string;
}

/**
 * The whole environment of Java: JAVA_TOOL_OPTIONS, KAFKA_OPTS and the like must not leak in from the caller's, and messages
 * must be in English, for we read them.
 */
export const PROGRAM_ENVIRONMENT: Readonly<Record<string, string>> = {
  PATH: '/usr/local/bin:/usr/bin:/bin',
  LC_ALL: 'C',
  TZ: 'UTC',
};

/** Runs a program to its end in the folder `cwd`; rejects only if it cannot be run at all. */
export function runProgram(path: string, args: readonly string[], cwd = '/'): Promise<ProgramResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(path, args, { cwd, env: PROGRAM_ENVIRONMENT, stdio: ['ignore', 'pipe', 'pipe'] });
    const chunks: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.once('error', reject);
    child.once('close', (exitCode) => resolve({ exitCode, output: Buffer.concat(chunks).toString() }));
  });
}
