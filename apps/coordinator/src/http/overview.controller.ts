import { countsOf, Engine, iso, type TransactionLog } from '@atone/engine';
import { countsSchema, type Counts } from '@atone/protocol';
import { Controller, Get, Inject } from '@nestjs/common';
import { Describe } from '../openapi/operation.decorator.js';
import { LOG } from '../tokens.js';
import { coordinatorInstancesSchema, type CoordinatorInstances } from './answer.schemas.js';
import { TransactionPages } from './transaction.pages.js';

/** What the whole installation looks like. */
@Controller('v1')
export class OverviewController {
  constructor(
    private readonly engine: Engine,
    private readonly pages: TransactionPages,
    @Inject(LOG) private readonly log: TransactionLog,
  ) {}

  @Get('counts')
  @Describe({
    id: 'countTransactions',
    group: 'overview',
    summary: 'Counts transactions by state.',
    description: 'Those under way all, those that have ended over the last 24 hours.',
    answers: { 200: { description: 'The counts.', schema: countsSchema } },
    errors: ['LOG_UNAVAILABLE'],
  })
  async counts(): Promise<Counts> {
    const [counts, heard] = [await this.engine.counts(), await this.pages.heardCounts()];
    return { ...countsOf(counts), ...heard };
  }

  @Get('instances')
  @Describe({
    id: 'listInstances',
    group: 'overview',
    summary: 'Lists the coordinators that share the log.',
    answers: { 200: { description: 'With their leases.', schema: coordinatorInstancesSchema } },
    errors: ['LOG_UNAVAILABLE'],
  })
  async instances(): Promise<CoordinatorInstances> {
    const rows = await this.log.instances();
    return {
      instances: rows.map(({ instanceId, startedAt, leaseUntil, isLive, drivenCount, facts }) => ({
        instanceId,
        startedAt: iso(startedAt),
        leaseUntil: iso(leaseUntil),
        isLive,
        isThis: instanceId === this.engine.instanceId,
        driven: drivenCount,
        version: facts?.version,
        format: facts?.format,
        url: facts?.url,
        kafkaPrefix: facts?.kafkaPrefix,
        // Others read what a dead one has read.
        replyPartitions: isLive ? facts?.replyPartitions?.toSorted((left, right) => left - right) : undefined,
        isStandby: facts?.isStandby,
      })),
    };
  }
}
