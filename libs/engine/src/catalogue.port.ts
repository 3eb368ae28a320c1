import type { CatalogueInstance, ParticipantInstance } from '@atone/protocol';

/** Where the catalogue of participants is kept, so that all coordinators know the same and a restart forgets nothing. */
export interface CatalogueStore {
  /** Enters an instance, or renews it. */
  register(service: string, instance: ParticipantInstance): Promise<void>;
  /** Takes out an instance that stops. */
  deregister(service: string, instance: string): Promise<void>;
  /** All instances, those that have not been seen for a long time too. */
  list(): Promise<readonly CatalogueInstance[]>;
}
