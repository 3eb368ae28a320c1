import type { LedStep } from './led.branch.js';
import type { PlanStep } from './plan.js';

/** Longer plans are rare, and to compare them costs as much as to look at them anew. */
const STEP_COUNT_MAX = 32;

/** No step has a longer name, nor waits for more others than there are. What says so is refused, and must not fill the memory. */
const NAME_LENGTH_MAX = 64;

/** How many shapes are remembered: more than most coordinators have sagas. */
const SHAPE_COUNT_MAX = 256;

/** What a plan is apart from its inputs, of which nothing is kept here: it may be somebody's money. */
type ShapeStep = Omit<PlanStep, 'input' | 'retry' | 'led'> & { readonly goal: LedStep['goal'] | undefined };

interface Known<Found> {
  readonly steps: readonly ShapeStep[];
  readonly found: Found;
}

/**
 * Remembers what was found out about plans for others of the same shape: a saga is submitted again and again, and only its
 * inputs differ. It is bounded: what came first goes first.
 */
export class ShapeCache<Found> {
  private readonly known = new Map<string, Known<Found>>();

  /** Returns what `find` makes of `steps`, or has made of others that differ in nothing but `input` and `retry`. */
  of<Step extends PlanStep>(steps: readonly Step[], find: (steps: readonly Step[]) => Found): Found {
    if (steps.length > STEP_COUNT_MAX) {
      return find(steps);
    }
    const place = placeOf(steps);
    const known = this.known.get(place);
    if (known !== undefined && hasShape(steps, known.steps)) {
      return known.found;
    }
    const found = find(steps);
    if (steps.every(isSmall)) {
      this.keep(place, { steps: steps.map(shapeOf), found });
    }
    return found;
  }

  private keep(place: string, known: Known<Found>): void {
    this.known.delete(place);
    this.known.set(place, known);
    for (const oldest of this.known.keys()) {
      if (this.known.size <= SHAPE_COUNT_MAX) {
        return;
      }
      this.known.delete(oldest);
    }
  }
}

/** Where a shape is looked for. Others may have the same place: they only take turns in it. */
function placeOf(steps: readonly PlanStep[]): string {
  const [first, last] = [steps[0], steps.at(-1)];
  return `${steps.length} ${first?.service} ${first?.branchId} ${last?.branchId}`;
}

function isSmall({ after }: PlanStep): boolean {
  return after.length <= STEP_COUNT_MAX && after.every((name) => name.length <= NAME_LENGTH_MAX);
}

function shapeOf(step: PlanStep): ShapeStep {
  const { branchId, service, action, after, pivot, onRefusal, hasBarrier, canUndo, led } = step;
  return { branchId, service, action, after, pivot, onRefusal, hasBarrier, canUndo, goal: led?.goal };
}

function hasShape(steps: readonly PlanStep[], shape: readonly ShapeStep[]): boolean {
  return steps.length === shape.length && steps.every((step, position) => isSameStep(step, shape[position]));
}

function isSameStep(step: PlanStep, other: ShapeStep | undefined): boolean {
  return (
    step.branchId === other?.branchId &&
    step.service === other.service &&
    step.action === other.action &&
    isSameList(step.after, other.after) &&
    step.pivot === other.pivot &&
    step.onRefusal === other.onRefusal &&
    step.hasBarrier === other.hasBarrier &&
    step.canUndo === other.canUndo &&
    step.led?.goal === other.goal
  );
}

function isSameList(names: readonly string[], others: readonly string[]): boolean {
  return names.length === others.length && names.every((name, position) => name === others[position]);
}
