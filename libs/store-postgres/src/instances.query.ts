import type { InstanceRow } from '@atone/engine';
import type { DataSource } from 'typeorm';
import { GlobalTransactionEntity } from './entity/global-transaction.entity.js';
import { InstanceEntity } from './entity/instance.entity.js';
import { factsOf } from './instance.facts.js';

/** Returns the coordinators that are known, the newest first. The database's clock tells which of them live. */
export async function listInstances(dataSource: DataSource): Promise<InstanceRow[]> {
  const { entities, raw } = await dataSource
    .createQueryBuilder(InstanceEntity, 'i')
    .addSelect('i.leaseUntil > now()', 'is_live')
    .addSelect(
      (query) =>
        query
          .select('count(*)::float8')
          .from(GlobalTransactionEntity, 't')
          .where('t.finishedAt is null and t.owner = i.instanceId'),
      'driven_count',
    )
    .orderBy('i.startedAt', 'DESC')
    .addOrderBy('i.instanceId')
    .getRawAndEntities<{ is_live: boolean; driven_count: number }>();
  return entities.map(({ instanceId, startedAt, leaseUntil, facts }, index) => ({
    instanceId,
    startedAt: startedAt.getTime(),
    leaseUntil: leaseUntil.getTime(),
    isLive: raw[index]?.is_live ?? false,
    drivenCount: raw[index]?.driven_count ?? 0,
    facts: factsOf(facts),
  }));
}
