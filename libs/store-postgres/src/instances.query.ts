import type { InstanceRow } from '@atone/engine';
import type { DataSource } from 'typeorm';
import { InstanceEntity } from './entity/instance.entity.js';

/** Returns the coordinators that are known, the newest first. The database's clock tells which of them live. */
export async function listInstances(dataSource: DataSource): Promise<InstanceRow[]> {
  const { entities, raw } = await dataSource
    .createQueryBuilder(InstanceEntity, 'i')
    .addSelect('i.leaseUntil > now()', 'is_live')
    .orderBy('i.startedAt', 'DESC')
    .addOrderBy('i.instanceId')
    .getRawAndEntities<{ is_live: boolean }>();
  return entities.map(({ instanceId, startedAt, leaseUntil }, index) => ({
    instanceId,
    startedAt: startedAt.getTime(),
    leaseUntil: leaseUntil.getTime(),
    isLive: raw[index]?.is_live ?? false,
  }));
}
