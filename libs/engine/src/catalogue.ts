import type { ActionEntry, CatalogueInstance, ParticipantInstance } from '@atone/protocol';
import type { CatalogueStore } from './catalogue.port.js';

/** Past this without a renewal an instance counts as gone: it gets commands only when no other is there. */
export const INSTANCE_GONE_AFTER_MS = 30_000;

interface Offer {
  readonly entry: ActionEntry;
  readonly kind: CatalogueInstance['kind'];
}

/**
 * The participants as this coordinator knows them: a copy of the store's, read again every second or so and after each
 * change made here.
 */
export class Catalogue {
  private byService: ReadonlyMap<string, readonly CatalogueInstance[]> = new Map();
  /** What of it was asked for, until it changes: each step of each plan that is submitted asks. */
  private offers = new Map<string, Map<string, Offer>>();
  private readonly listeners: ((service: string) => void)[] = [];
  private askedCount = 0;
  private takenTurn = 0;

  constructor(private readonly store: CatalogueStore) {}

  /** Has `listener` told of each service of which an instance has come, or come back after it counted as gone. */
  onArrival(listener: (service: string) => void): void {
    this.listeners.push(listener);
  }

  async refresh(): Promise<void> {
    this.askedCount += 1;
    const turn = this.askedCount;
    const byService = new Map<string, CatalogueInstance[]>();
    for (const instance of await this.store.list()) {
      byService.set(instance.service, [...(byService.get(instance.service) ?? []), instance]);
    }
    // A list that was asked for earlier may come later, and must not hide what the newer one holds.
    if (turn > this.takenTurn) {
      this.takenTurn = turn;
      const former = this.byService;
      this.byService = byService;
      this.offers = new Map();
      this.announce(former);
    }
  }

  private announce(former: ReadonlyMap<string, readonly CatalogueInstance[]>): void {
    for (const [service, instances] of this.byService) {
      const known = new Map(former.get(service)?.map(({ instance, seenAt }) => [instance, seenAt]));
      if (instances.some((one) => one.seenAt - (known.get(one.instance) ?? 0) > INSTANCE_GONE_AFTER_MS)) {
        this.listeners.forEach((listener) => {
          listener(service);
        });
      }
    }
  }

  async register(service: string, instance: ParticipantInstance): Promise<void> {
    await this.store.register(service, instance);
    await this.refresh();
  }

  async deregister(service: string, instance: string): Promise<void> {
    await this.store.deregister(service, instance);
    await this.refresh();
  }

  services(): readonly string[] {
    return [...this.byService.keys()].toSorted();
  }

  instancesOf(service: string): readonly CatalogueInstance[] {
    return this.byService.get(service) ?? [];
  }

  /** Returns the action as its newest registered instance offers it. */
  action(service: string, action: string): Offer | undefined {
    return this.offers.get(service)?.get(action) ?? this.lookUp(service, action);
  }

  /** Returns the names of a service's actions, for messages. */
  actionNames(service: string): readonly string[] {
    const names = this.instancesOf(service).flatMap((instance) =>
      instance.actions.map((action) => action.name),
    );
    return [...new Set(names)].toSorted();
  }

  private lookUp(service: string, action: string): Offer | undefined {
    const offer = this.newestOffer(service, action);
    if (offer !== undefined) {
      const offers = this.offers.get(service) ?? new Map<string, Offer>();
      this.offers.set(service, offers.set(action, offer));
    }
    return offer;
  }

  private newestOffer(service: string, action: string): Offer | undefined {
    const newest = this.instancesOf(service).toSorted(
      (left, right) => right.registeredAt - left.registeredAt,
    );
    for (const instance of newest) {
      const entry = instance.actions.find((candidate) => candidate.name === action);
      if (entry !== undefined) {
        return { entry, kind: instance.kind };
      }
    }
    return undefined;
  }
}
