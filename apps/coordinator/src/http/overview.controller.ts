import { Engine, type RowCounts, type TransactionLog } from '@atone/engine';
import type { Counts } from '@atone/protocol';
import { Controller, Get, Inject } from '@nestjs/common';
import { LOG } from '../tokens.js';
import type { CoordinatorInstances } from './answer.schemas.js';
import { iso } from './transaction.row.js';

/** What the whole installation looks like. */
@Controller('v1')
export class OverviewController {
  constructor(
    private readonly engine: Engine,
    @Inject(LOG) private readonly log: TransactionLog,
  ) {}

  @Get('counts')
  async counts(): Promise<Counts> {
    return countsOf(await this.engine.counts());
  }

  @Get('instances')
  async instances(): Promise<CoordinatorInstances> {
    const rows = await this.log.instances();
    return {
      instances: rows.map(({ instanceId, startedAt, leaseUntil, isLive }) => ({
        instanceId,
        startedAt: iso(startedAt),
        leaseUntil: iso(leaseUntil),
        isLive,
        isThis: instanceId === this.engine.instanceId,
      })),
    };
  }
}

function countsOf({ byState, stuckByReason, pausedCount, oldestStuckAt }: RowCounts): Counts {
  return {
    byState: { ...byState },
    stuck: Object.values(stuckByReason).reduce((sum, count) => sum + count, 0),
    stuckByReason: { ...stuckByReason },
    paused: pausedCount,
    oldestStuckSince: oldestStuckAt === undefined ? undefined : iso(oldestStuckAt),
  };
}
