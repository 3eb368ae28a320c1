import type { Clock } from '@atone/engine';
import { Pool } from 'undici';

/** An origin that nobody asked for this long has its pool closed. */
const IDLE_MS = 5 * 60_000;

/** Keeps connections alive, one pool for each origin. */
export class OriginPools {
  private readonly pools = new Map<string, { readonly pool: Pool; usedAt: number }>();

  constructor(
    private readonly clock: Clock,
    private readonly connectTimeoutMs: number,
  ) {}

  of(origin: string): Pool {
    const usedAt = this.clock.now();
    const known = this.pools.get(origin);
    if (known !== undefined) {
      known.usedAt = usedAt;
      return known.pool;
    }
    this.closeIdle(usedAt);
    // The limit of an exchange runs by the clock that was passed in; undici's own would be a second opinion.
    const pool = new Pool(origin, {
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: { timeout: this.connectTimeoutMs },
    });
    this.pools.set(origin, { pool, usedAt });
    return pool;
  }

  async destroy(): Promise<void> {
    const pools = [...this.pools.values()];
    this.pools.clear();
    await Promise.all(pools.map(async ({ pool }) => pool.destroy()));
  }

  /** Instances come and go with new addresses. Done when a new one comes, so that no timer is needed. */
  private closeIdle(nowMs: number): void {
    for (const [origin, { pool, usedAt }] of this.pools) {
      if (nowMs - usedAt > IDLE_MS) {
        this.pools.delete(origin);
        void pool.close();
      }
    }
  }
}
