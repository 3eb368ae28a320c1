import type { Clock } from '@atone/engine';
import type { CatalogueInstance } from '@atone/protocol';
import type { InstanceHealth } from './instance.choice.js';
import type { HttpTransportLimits } from './limits.js';

/** Above it the entries of instances that have been forgotten everywhere else are swept out. */
const ENTRY_COUNT_MAX = 1_000;

interface Entry {
  requestCount: number;
  avoidedUntil: number;
}

/** Counts what is in flight to each instance, and remembers who could not be reached. */
export class InstanceLoad implements InstanceHealth {
  private readonly entries = new Map<string, Entry>();

  constructor(
    private readonly clock: Clock,
    private readonly limits: HttpTransportLimits,
  ) {}

  hasRoom(instance: CatalogueInstance): boolean {
    return (this.entries.get(keyOf(instance))?.requestCount ?? 0) < this.limits.requestCountMax;
  }

  isAvoided(instance: CatalogueInstance): boolean {
    return (this.entries.get(keyOf(instance))?.avoidedUntil ?? 0) > this.clock.now();
  }

  begin(instance: CatalogueInstance): void {
    const entry = this.entries.get(keyOf(instance));
    if (entry === undefined) {
      this.sweep();
      this.entries.set(keyOf(instance), { requestCount: 1, avoidedUntil: 0 });
      return;
    }
    entry.requestCount += 1;
  }

  end(instance: CatalogueInstance, wasReached: boolean): void {
    const entry = this.entries.get(keyOf(instance));
    if (entry !== undefined) {
      entry.requestCount -= 1;
      entry.avoidedUntil = wasReached ? 0 : this.clock.now() + this.limits.avoidMs;
    }
  }

  private sweep(): void {
    if (this.entries.size < ENTRY_COUNT_MAX) {
      return;
    }
    for (const [key, entry] of this.entries) {
      if (entry.requestCount === 0 && entry.avoidedUntil <= this.clock.now()) {
        this.entries.delete(key);
      }
    }
  }
}

function keyOf(instance: CatalogueInstance): string {
  return `${instance.service} ${instance.instance} ${instance.baseUrl}`;
}
