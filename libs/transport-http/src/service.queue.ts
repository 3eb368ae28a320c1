import type { BranchCommand } from '@atone/protocol';

/** A command that waits for an instance, or is on its way to one. */
export interface Waiting {
  readonly command: BranchCommand;
  /** See {@link routeOf}. */
  readonly route: string;
  /** From here on it must not leave any more. */
  readonly leaveBy: number;
  /** From here on nobody waits for its reply. */
  readonly giveUpAt: number;
}

/** Returns what is slow together: the calls of an action, or its undos. A plain endpoint has a path for each. */
export function routeOf({ op, action }: BranchCommand): string {
  return op === 'action' || op === 'close-action' ? `do ${action}` : `undo ${action}`;
}

/** Returns the other of an action's two routes. */
export function siblingOf(route: string): string {
  return route.startsWith('undo ') ? route.slice(2) : `un${route}`;
}

export function branchKeyOf({ gid, branchId }: BranchCommand): string {
  return `${gid} ${branchId}`;
}

interface Place {
  readonly branchKey: string;
  waiting: Waiting;
}

/**
 * Commands that wait for an instance of one service, in the order of their coming within each route.
 *
 * A command that is asked again while it still waits takes the place of its earlier attempt: whoever waits for that
 * one has given it up, and a slow instance must not find every command twice. For the same reason an undo, or the end
 * of a round, takes the branch's waiting action away: a plain endpoint would carry it out after its own undo.
 */
export class ServiceQueue {
  /** No command here has to leave before it. May be too early, never too late. */
  leaveByMin = Infinity;
  size = 0;
  private readonly byRoute = new Map<string, Set<Place>>();
  private readonly byBranch = new Map<string, readonly Place[]>();

  constructor(
    readonly service: string,
    readonly lane: string | undefined,
  ) {}

  /** The routes with commands, in the order in which they have their turn. */
  get routes(): readonly string[] {
    return [...this.byRoute.keys()];
  }

  add(waiting: Waiting): void {
    const { op, round } = waiting.command;
    this.leaveByMin = Math.min(this.leaveByMin, waiting.leaveBy);
    const branchKey = branchKeyOf(waiting.command);
    if (op !== 'action') {
      this.withdrawActions(branchKey);
    }
    const places = this.byBranch.get(branchKey);
    const earlier = places?.find(({ waiting: { command } }) => command.op === op && command.round === round);
    if (earlier !== undefined && earlier.waiting.route === waiting.route) {
      earlier.waiting = waiting;
      return;
    }
    const place = { branchKey, waiting };
    this.byBranch.set(branchKey, places === undefined ? [place] : [...places, place]);
    const ofRoute = this.byRoute.get(waiting.route);
    if (ofRoute === undefined) {
      this.byRoute.set(waiting.route, new Set([place]));
    } else {
      ofRoute.add(place);
    }
    this.size += 1;
  }

  /** Returns who waits first on the route. */
  first(route: string): BranchCommand | undefined {
    return this.byRoute.get(route)?.values().next().value?.waiting.command;
  }

  /** Takes commands of the route out, first come first served, for as long as `accepts` says so. */
  take(route: string, accepts: (waiting: Waiting) => boolean): void {
    for (const place of this.byRoute.get(route) ?? []) {
      if (!accepts(place.waiting)) {
        return;
      }
      this.remove(place);
    }
  }

  /** Lets every other route have its turn before this one. */
  yieldTurn(route: string): void {
    const places = this.byRoute.get(route);
    if (places !== undefined) {
      this.byRoute.delete(route);
      this.byRoute.set(route, places);
    }
  }

  /** Takes out what must not leave any more. Looks at everything that waits, so not to be called for each command. */
  takeLate(nowMs: number): readonly Waiting[] {
    const late: Waiting[] = [];
    this.leaveByMin = Infinity;
    for (const place of [...this.byRoute.values()].flatMap((places) => [...places])) {
      const { waiting } = place;
      if (waiting.leaveBy <= nowMs) {
        this.remove(place);
        late.push(waiting);
      } else {
        this.leaveByMin = Math.min(this.leaveByMin, waiting.leaveBy);
      }
    }
    return late;
  }

  private withdrawActions(branchKey: string): void {
    for (const place of this.byBranch.get(branchKey) ?? []) {
      if (place.waiting.command.op === 'action') {
        this.remove(place);
      }
    }
  }

  private remove(place: Place): void {
    const { route } = place.waiting;
    const ofRoute = this.byRoute.get(route);
    ofRoute?.delete(place);
    if (ofRoute?.size === 0) {
      this.byRoute.delete(route);
    }
    const places = this.byBranch.get(place.branchKey) ?? [];
    if (places.length > 1) {
      this.byBranch.set(
        place.branchKey,
        places.filter((other) => other !== place),
      );
    } else {
      this.byBranch.delete(place.branchKey);
    }
    this.size -= 1;
  }
}
