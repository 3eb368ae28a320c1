import { QuickstartError } from './quickstart.error.js';

const PLATFORMS = new Set(['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64']);

/** @throws QuickstartError on a machine for which there is no PostgreSQL to bring along. */
export function requirePlatform(platform: string): void {
  if (!PLATFORMS.has(platform)) {
    throw new QuickstartError(
      `npm start runs on Linux and macOS, x64 or arm64, and this is ${platform}: use WSL or a container there.`,
    );
  }
}
