import type { BranchCommand, CatalogueInstance } from '@atone/protocol';

/**
 * Commands that wait for an instance of one service.
 *
 * A command that is asked again while it still waits takes the place of its earlier attempt: whoever waits for that
 * one has given it up, and a slow instance must not find every command twice.
 */
export class ServiceQueue {
  private readonly waiting = new Map<string, BranchCommand>();

  constructor(
    readonly service: string,
    readonly lane: string | undefined,
  ) {}

  get size(): number {
    return this.waiting.size;
  }

  add(command: BranchCommand): void {
    const { gid, branchId, op, round } = command;
    this.waiting.set(`${gid} ${branchId} ${op} ${round}`, command);
  }

  /** Returns who waits first. */
  first(): BranchCommand | undefined {
    return this.waiting.values().next().value;
  }

  /** Takes commands out, first come first served, for as long as `accepts` says so. */
  take(accepts: (command: BranchCommand) => boolean): void {
    for (const [key, command] of this.waiting) {
      if (!accepts(command)) {
        return;
      }
      this.waiting.delete(key);
    }
  }
}

const offered = new WeakMap<CatalogueInstance, ReadonlySet<string>>();

/**
 * Returns the instances that offer the action, or all when none does: then the participant itself says that it is
 * gone. While a new version rolls out only some instances have its actions.
 */
export function offering(
  instances: readonly CatalogueInstance[],
  action: string,
): readonly CatalogueInstance[] {
  const able = instances.filter((instance) => offersOf(instance).has(action));
  return able.length === 0 ? instances : able;
}

function offersOf(instance: CatalogueInstance): ReadonlySet<string> {
  const known = offered.get(instance);
  if (known !== undefined) {
    return known;
  }
  const names = new Set(instance.actions.map((entry) => entry.name));
  offered.set(instance, names);
  return names;
}
