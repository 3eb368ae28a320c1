import type { CatalogueStore } from '@atone/engine';
import type { CatalogueInstance, ParticipantInstance } from '@atone/protocol';
import type { DataSource } from 'typeorm';
import { translating } from './cold.read.js';
import { ParticipantInstanceEntity } from './entity/participant-instance.entity.js';

/**
 * Enters or renews. What offers the same as before keeps its time of registration, and the stored actions as they are:
 * they may be large, and this comes every few seconds.
 */
const REGISTER = `
insert into atone.participant_instance as p
  (service, instance, base_url, kafka, kind, lane, version, protocol, actions, registered_at, seen_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, now(), now())
on conflict (service, instance) do update
set base_url = excluded.base_url,
    kafka = excluded.kafka,
    kind = excluded.kind,
    lane = excluded.lane,
    version = excluded.version,
    protocol = excluded.protocol,
    actions = case when p.actions::text = excluded.actions::text then p.actions else excluded.actions end,
    registered_at = case
      when p.actions::text = excluded.actions::text
        and p.version is not distinct from excluded.version
        and p.kind = excluded.kind
      then p.registered_at
      else excluded.registered_at
    end,
    seen_at = excluded.seen_at`;

/** The catalogue of participants in PostgreSQL, the same for all coordinators. */
export class PostgresCatalogueStore implements CatalogueStore {
  constructor(private readonly cold: DataSource) {}

  async register(service: string, instance: ParticipantInstance): Promise<void> {
    await translating(
      'register',
      this.cold.query(REGISTER, [
        service,
        instance.instance,
        instance.baseUrl,
        instance.kafka === undefined ? undefined : JSON.stringify(instance.kafka),
        instance.kind,
        instance.lane,
        instance.version,
        instance.protocol,
        JSON.stringify(instance.actions),
      ]),
    );
  }

  async deregister(service: string, instance: string): Promise<void> {
    await translating(
      'deregister',
      this.cold.manager.delete(ParticipantInstanceEntity, { service, instance }),
    );
  }

  async list(): Promise<readonly CatalogueInstance[]> {
    const query = this.cold.manager.find(ParticipantInstanceEntity, {
      order: { service: 'ASC', instance: 'ASC' },
    });
    const entities = await translating('list participants', query);
    return entities.map(toCatalogueInstance);
  }
}

function toCatalogueInstance(entity: ParticipantInstanceEntity): CatalogueInstance {
  return {
    service: entity.service,
    instance: entity.instance,
    ...(entity.baseUrl === null ? {} : { baseUrl: entity.baseUrl }),
    ...(entity.kafka === null ? {} : { kafka: entity.kafka }),
    kind: entity.kind,
    ...(entity.lane === null ? {} : { lane: entity.lane }),
    ...(entity.version === null ? {} : { version: entity.version }),
    protocol: entity.protocol,
    actions: entity.actions,
    registeredAt: entity.registeredAt.getTime(),
    seenAt: entity.seenAt.getTime(),
  };
}
