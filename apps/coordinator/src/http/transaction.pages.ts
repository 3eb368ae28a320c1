import { Engine, hearsaySummary, isHeardUnder, type HearsayEntry, type RowFilter } from '@atone/engine';
import type { Counts, TransactionPage, TransactionSummary } from '@atone/protocol';
import { Injectable } from '@nestjs/common';
import { summaryOfRow } from './transaction.row.js';

/** How many gids the log is asked about at once. A page needs few of them. */
const LOOK_COUNT = { page: 500, count: 5_000 };

/** Lists transactions: those of the log, and among them what is only heard of. */
@Injectable()
export class TransactionPages {
  constructor(private readonly engine: Engine) {}

  /** Returns up to `limit` of them, the newest first, each once. */
  async page(filter: RowFilter): Promise<TransactionPage> {
    // One more than asked for tells whether another page follows.
    const limit = filter.limit + 1;
    // Heard of first: what is written in between is then found twice, and not missed.
    const heard = await this.heardOf(
      this.engine.hearsays().filter((entry) => isHeardUnder(filter, entry)),
      { limit, lookCount: LOOK_COUNT.page },
    );
    const rows = await this.engine.list({ ...filter, limit });
    const found = merged(rows.map(summaryOfRow), heard.map(hearsaySummary));
    const transactions = found.slice(0, filter.limit);
    return { transactions, next: found.length > transactions.length ? transactions.at(-1)?.gid : undefined };
  }

  /** Returns how many transactions are only heard of, and of how many of them only a person can tell what becomes of them. */
  async heardCounts(): Promise<Pick<Counts, 'hearsay' | 'hearsayStuck'>> {
    const heard = await this.heardOf(this.engine.hearsays(), { lookCount: LOOK_COUNT.count });
    const stuck = heard.filter((entry) => hearsaySummary(entry).stuck !== undefined);
    return { hearsay: heard.length, hearsayStuck: stuck.length };
  }

  /** Returns of how many of which the log holds nothing only a person can tell what becomes of them. Seldom needs the log. */
  async heardStuckCount(): Promise<number> {
    const stuck = this.engine.hearsays().filter((entry) => hearsaySummary(entry).stuck !== undefined);
    return (await this.heardOf(stuck, { lookCount: LOOK_COUNT.count })).length;
  }

  /** Returns the first `limit` of those of which the log holds nothing: another coordinator may have decided them. */
  private async heardOf(
    entries: readonly HearsayEntry[],
    { limit = Infinity, lookCount }: { readonly limit?: number; readonly lookCount: number },
  ): Promise<HearsayEntry[]> {
    const found: HearsayEntry[] = [];
    for (let from = 0; from < entries.length && found.length < limit; from += lookCount) {
      const some = entries.slice(from, from + lookCount);
      // oxlint-disable-next-line no-await-in-loop -- how many more are needed follows from what was found.
      const logged = await this.engine.endings(some.map(({ gid }) => gid));
      const gids = new Set(logged.map(({ gid }) => gid));
      found.push(...some.filter(({ gid }) => !gids.has(gid)));
    }
    return found.slice(0, limit);
  }
}

/** What the log says goes before what is heard. */
function merged(
  logged: readonly TransactionSummary[],
  heard: readonly TransactionSummary[],
): TransactionSummary[] {
  const byGid = new Map([...heard, ...logged].map((summary) => [summary.gid, summary]));
  return [...byGid.values()].toSorted((left, right) => (left.gid < right.gid ? 1 : -1));
}
