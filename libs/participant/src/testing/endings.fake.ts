import type { Ending } from '@atone/protocol';
import type { TransactionEndings } from '../endings.port.js';

/** A log of the coordinator that knows what a test tells it. */
export class FakeEndings implements TransactionEndings {
  /** What it was asked, question by question. */
  readonly asked: string[][] = [];
  isAway = false;
  private readonly known = new Map<string, Ending>();

  live(...gids: readonly string[]): void {
    for (const gid of gids) {
      this.known.set(gid, { gid, isLive: true });
    }
  }

  ended(endedForMs: number, ...gids: readonly string[]): void {
    for (const gid of gids) {
      this.known.set(gid, { gid, isLive: false, endedForMs });
    }
  }

  async endings(gids: readonly string[]): Promise<readonly Ending[]> {
    this.asked.push([...gids]);
    if (this.isAway) {
      throw new Error('connect ECONNREFUSED');
    }
    return gids.flatMap((gid) => this.known.get(gid) ?? []);
  }
}
