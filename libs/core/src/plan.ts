import type { Json } from './json.js';
import type { LedFacts, LedStep } from './led.branch.js';
import type { RetryPolicy } from './retry.js';

/**
 * What an orchestrated saga is going to do: a graph of steps. A step's name is its branchId.
 *
 * A plan is complete and valid when the machine gets it: `after` is filled in, and what the catalogue
 * knows of an action (`hasBarrier`, `canUndo`) stands in the step, so that a later change of the
 * catalogue cannot change a transaction that runs.
 */
export interface Plan {
  readonly name: string;
  /** The document that inputs refer to by `{"$from": "$input"}`. */
  readonly input: Json;
  readonly steps: readonly PlanStep[];
  readonly retry?: Partial<RetryPolicy> | undefined;
  /** Present when the initiator's own code calls the actions; see `led.branch.ts`. */
  readonly led?: LedFacts | undefined;
}

export interface PlanStep {
  readonly branchId: string;
  readonly service: string;
  readonly action: string;
  /** May hold references to the plan's input and to outputs of earlier steps; see `resolveInput`. */
  readonly input: Json;
  /** The steps that must be done before this one starts. */
  readonly after: readonly string[];
  /** The step whose yes decides to commit: before it everything can be undone, after it everything goes forward. */
  readonly pivot: boolean;
  /** Whether a refusal aborts the saga or is asked again in a new round. */
  readonly onRefusal: 'abort' | 'retry';
  /** Whether the participant keeps a barrier row for the branch, so that repeats and early undos are harmless. */
  readonly hasBarrier: boolean;
  /** Whether the action has a compensation. */
  readonly canUndo: boolean;
  readonly retry?: Partial<RetryPolicy> | undefined;
  /** Present in a led transaction. */
  readonly led?: LedStep | undefined;
}

export const PLAN_INPUT = '$input';
