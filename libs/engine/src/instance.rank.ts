import type { CatalogueInstance } from '@atone/protocol';
import { INSTANCE_GONE_AFTER_MS } from './catalogue.js';

/**
 * Returns who may be asked in a lane: the instances that were seen lately in it, else those without a lane, else those that
 * are gone, in the same order. Another lane's instance is never asked.
 */
export function bestRank<Instance extends CatalogueInstance>(
  instances: readonly Instance[],
  wanted: { readonly lane: string | undefined; readonly nowMs: number },
): readonly Instance[] {
  const isFresh = (instance: Instance): boolean => wanted.nowMs - instance.seenAt < INSTANCE_GONE_AFTER_MS;
  const inLane = those(instances, ({ lane }) => lane === wanted.lane);
  const fresh = those(inLane, isFresh);
  if (fresh.length > 0) {
    return fresh;
  }
  const baseline = those(instances, ({ lane }) => lane === undefined);
  const ranks = [those(baseline, isFresh), inLane, baseline];
  return ranks.find((rank) => rank.length > 0) ?? [];
}

/**
 * Returns the instances that offer the action, or all when none does: then the participant itself says that it is
 * gone. While a new version rolls out only some instances have its actions.
 */
export function offering<Instance extends CatalogueInstance>(
  instances: readonly Instance[],
  action: string,
): readonly Instance[] {
  const able = those(instances, (instance) => offers(instance, action));
  return able.length === 0 ? instances : able;
}

export function offers(instance: CatalogueInstance, action: string): boolean {
  return offersOf(instance).has(action);
}

/** Filters, and makes no new list where all stay, as for most commands: this is asked for each of them. */
function those<Instance>(
  instances: readonly Instance[],
  isOne: (instance: Instance) => boolean,
): readonly Instance[] {
  return instances.every(isOne) ? instances : instances.filter(isOne);
}

const offered = new WeakMap<CatalogueInstance, ReadonlySet<string>>();

function offersOf(instance: CatalogueInstance): ReadonlySet<string> {
  const known = offered.get(instance);
  if (known !== undefined) {
    return known;
  }
  const names = new Set(instance.actions.map((entry) => entry.name));
  offered.set(instance, names);
  return names;
}
