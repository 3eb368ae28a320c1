import type { Clock } from '@atone/engine';
import type { CatalogueInstance } from '@atone/protocol';
import type { InstanceHealth } from './instance.choice.js';
import type { HttpTransportLimits } from './limits.js';
import { siblingOf } from './service.queue.js';

/** Above it the entries of instances that have been forgotten everywhere else are swept out. */
const ENTRY_COUNT_MAX = 1_000;

/** `withdrawn`: the request never left, for a reason that says nothing about the instance. */
export type RequestEnd = 'reached' | 'unreachable' | 'timeout' | 'withdrawn';

/** What is in flight, and since when the oldest of it is. */
export interface InFlight {
  readonly count: number;
  readonly oldestAt: number;
}

/**
 * Counts what is in flight to each instance, and remembers who could not be reached or kept silent.
 *
 * A route of a slow action takes half of an instance's requests at most, and the action and its undo together three
 * quarters, so that there is always room for the others.
 */
export class InstanceLoad {
  private readonly entries = new Map<string, Entry>();

  constructor(
    private readonly clock: Clock,
    private readonly limits: HttpTransportLimits,
  ) {}

  /** Returns the health of instances as a command of `route` sees it. */
  on(route: string): InstanceHealth {
    return {
      hasRoom: (instance) => this.hasRoom(instance, route),
      isAvoided: (instance) => this.isAvoided(instance),
    };
  }

  hasRoom(instance: CatalogueInstance, route: string): boolean {
    const entry = this.entries.get(keyOf(instance));
    if (entry === undefined) {
      return true;
    }
    const { requestCountMax } = this.limits;
    const ofRoute = entry.countOf(route);
    return (
      entry.requests.size < requestCountMax &&
      ofRoute < Math.max(1, Math.floor(requestCountMax / 2)) &&
      ofRoute + entry.countOf(siblingOf(route)) < Math.ceil((requestCountMax * 3) / 4)
    );
  }

  /** Whether so much of the route is in flight that what goes out with it might have to wait for it. */
  isSlow(instance: CatalogueInstance, route: string): boolean {
    const count = this.entries.get(keyOf(instance))?.countOf(route) ?? 0;
    return count >= Math.max(1, Math.floor(this.limits.requestCountMax / 4));
  }

  /** Returns what is in flight to the instances, of one route or of all. */
  inFlight(instances: readonly CatalogueInstance[], route?: string): InFlight {
    const since = instances
      .flatMap((instance) => [...(this.entries.get(keyOf(instance))?.requests ?? [])])
      .filter((request) => route === undefined || request.routes.has(route))
      .map(({ begunAt }) => begunAt);
    return { count: since.length, oldestAt: Math.min(...since) };
  }

  begin(instance: CatalogueInstance, routes: Iterable<string>): RequestLoad {
    const key = keyOf(instance);
    let entry = this.entries.get(key);
    if (entry === undefined) {
      this.sweep();
      entry = new Entry();
      this.entries.set(key, entry);
    }
    return new RequestLoad(entry, routes, { clock: this.clock, avoidMs: this.limits.avoidMs });
  }

  private isAvoided(instance: CatalogueInstance): boolean {
    const entry = this.entries.get(keyOf(instance));
    return entry !== undefined && (entry.avoidedUntil > this.clock.now() || entry.isOnProbation);
  }

  private sweep(): void {
    if (this.entries.size < ENTRY_COUNT_MAX) {
      return;
    }
    for (const [key, entry] of this.entries) {
      if (entry.requests.size === 0 && entry.avoidedUntil <= this.clock.now()) {
        this.entries.delete(key);
      }
    }
  }
}

/** One request in flight, as far as it counts. */
export class RequestLoad {
  readonly begunAt: number;
  /** The routes with commands that are not answered yet. */
  readonly routes: Set<string>;
  private readonly heardCountBefore: number;

  constructor(
    private readonly entry: Entry,
    routes: Iterable<string>,
    private readonly rules: { readonly clock: Clock; readonly avoidMs: number },
  ) {
    this.begunAt = rules.clock.now();
    this.routes = new Set(routes);
    this.heardCountBefore = entry.heardCount;
    entry.requests.add(this);
    for (const route of this.routes) {
      entry.count(route, 1);
    }
  }

  /** Says that the instance began to answer this request. */
  heard(): void {
    this.entry.heardCount += 1;
    this.entry.isSilent = false;
  }

  /** Says that all commands of the route are answered, although the request goes on. */
  endRoute(route: string): void {
    if (this.routes.delete(route)) {
      this.entry.count(route, -1);
    }
  }

  end(how: RequestEnd): void {
    const { entry, rules } = this;
    for (const route of this.routes) {
      this.endRoute(route);
    }
    entry.requests.delete(this);
    const isSilent = how === 'timeout' && entry.heardCount === this.heardCountBefore;
    if (how === 'unreachable' || isSilent) {
      entry.avoidedUntil = rules.clock.now() + rules.avoidMs;
      entry.isSilent = isSilent;
    } else if (how === 'reached') {
      entry.avoidedUntil = 0;
    }
  }
}

class Entry {
  readonly requests = new Set<RequestLoad>();
  avoidedUntil = 0;
  heardCount = 0;
  /** Whether a request timed out, and nothing at all was heard since that one began: the process may stand still. */
  isSilent = false;
  private readonly routeCounts = new Map<string, number>();

  /** One request at a time finds out whether a silent instance is back; the others go where somebody answers. */
  get isOnProbation(): boolean {
    return this.isSilent && this.requests.size > 0;
  }

  countOf(route: string): number {
    return this.routeCounts.get(route) ?? 0;
  }

  count(route: string, change: 1 | -1): void {
    const count = this.countOf(route) + change;
    if (count === 0) {
      this.routeCounts.delete(route);
    } else {
      this.routeCounts.set(route, count);
    }
  }
}

function keyOf(instance: CatalogueInstance): string {
  return `${instance.service} ${instance.instance} ${instance.baseUrl}`;
}
