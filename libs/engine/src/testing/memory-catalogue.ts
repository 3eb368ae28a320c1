import type { CatalogueInstance, ParticipantInstance } from '@atone/protocol';
import type { CatalogueStore } from '../catalogue.port.js';
import type { Clock } from '../clock.port.js';

/** The catalogue's store without a database. */
export class MemoryCatalogueStore implements CatalogueStore {
  private readonly instances = new Map<string, CatalogueInstance>();

  constructor(private readonly clock: Pick<Clock, 'now'>) {}

  async register(service: string, instance: ParticipantInstance): Promise<void> {
    const key = `${service}/${instance.instance}`;
    const now = this.clock.now();
    const registeredAt = this.instances.get(key)?.registeredAt ?? now;
    this.instances.set(key, { ...instance, service, registeredAt, seenAt: now });
  }

  async deregister(service: string, instance: string): Promise<void> {
    this.instances.delete(`${service}/${instance}`);
  }

  async list(): Promise<readonly CatalogueInstance[]> {
    return [...this.instances.values()];
  }
}
