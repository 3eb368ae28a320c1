import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Returns the commit that is checked out, with a mark if something is changed, or `unknown` where there is no git. */
export function currentCommit(): string {
  const cwd = fileURLToPath(new URL('.', import.meta.url));
  try {
    const git = (...args: string[]): string =>
      execFileSync('git', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
    return `${git('rev-parse', '--short=10', 'HEAD')}${git('status', '--porcelain') === '' ? '' : ' and changes'}`;
  } catch {
    return 'unknown';
  }
}
