import type { SimulationPlan } from '../plan/simulation.plan.js';
import type { Explanation } from '../shrink/explanation.js';
import type { Tally } from './tally.js';

/** What a process that simulates is asked for. */
export type WorkerRequest =
  | {
      readonly type: 'run';
      readonly from: number;
      readonly count: number;
      /** Whether the seeds behind the first one that fails are left out. */
      readonly stopsAtFirst: boolean;
    }
  | { readonly type: 'explain'; readonly plan: SimulationPlan; readonly shrinkMs: number };

export type WorkerAnswer =
  | { readonly type: 'ran'; readonly tally: Tally }
  | { readonly type: 'explained'; readonly explanation: Explanation }
  | { readonly type: 'broken'; readonly stack: string };
