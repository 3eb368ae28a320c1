import type { Draws } from './draws.js';
import { POINT_FAULTS, type PointFault, type PointFaultKind } from './fault.js';
import type { SimulationOptions } from './options.js';

const WEAKNESS = 6;

/** Now and then something works even at the weak spot. */
const PROBABILITY_MAX = 0.5;

/**
 * Decides what strikes where: by the seed, remembering it, or by a plan that was made from what was remembered.
 *
 * Places are named by what they are about ("command tx2/charge/action/1.1"), so that they keep their names when other
 * faults are taken out of a plan.
 */
export class Fates {
  /** What has struck so far, as a plan could repeat it. */
  readonly struck: PointFault[] = [];
  /** Is told of each at once. */
  whenStruck: ((fault: PointFault) => void) | undefined;
  private readonly counts = new Map<string, number>();
  private readonly planned: ReadonlyMap<string, PointFault> | undefined;
  private readonly enabled: ReadonlySet<string>;
  private isOver = false;

  constructor(
    private readonly draws: Draws,
    private readonly options: SimulationOptions,
    planned?: readonly PointFault[],
  ) {
    this.enabled = new Set(options.kinds);
    this.planned =
      planned && new Map(planned.map((fault) => [keyOf(fault.kind, fault.point, fault.occurrence), fault]));
  }

  /** Whether nothing strikes any more. */
  get areOver(): boolean {
    return this.isOver;
  }

  /** From now on nothing strikes. */
  end(): void {
    this.isOver = true;
  }

  /** Tells whether a fault of `kind` strikes at this passing of `point`, and how hard (a number from 0 to below 1). */
  strike(kind: PointFaultKind, point: string): number | undefined {
    if (this.isOver || !this.enabled.has(kind)) {
      return undefined;
    }
    const place = `${kind} ${point}`;
    const occurrence = this.counts.get(place) ?? 0;
    this.counts.set(place, occurrence + 1);
    const fault =
      this.planned === undefined
        ? this.drawn(kind, point, occurrence)
        : this.planned.get(keyOf(kind, point, occurrence));
    if (fault === undefined) {
      return undefined;
    }
    this.struck.push(fault);
    this.whenStruck?.(fault);
    return fault.amount;
  }

  private drawn(kind: PointFaultKind, point: string, occurrence: number): PointFault | undefined {
    const place = `${kind} ${point}`;
    const weakness = kind === this.options.weakSpot ? WEAKNESS : 1;
    const probability = Math.min(PROBABILITY_MAX, POINT_FAULTS[kind] * this.options.rate * weakness);
    if (this.draws.at(place, occurrence) >= probability) {
      return undefined;
    }
    return { kind, point, occurrence, amount: this.draws.at(`${place} amount`, occurrence) };
  }
}

function keyOf(kind: PointFaultKind, point: string, occurrence: number): string {
  return `${kind} ${point} ${occurrence}`;
}
