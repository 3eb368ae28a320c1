import type { PromiseId } from '../check/violation.js';
import type { SimulationMode } from '../plan/options.js';

/** A mistake that somebody could make in production code. The simulator is worth what it finds of them. */
export interface PlantedBug {
  readonly name: string;
  /** What goes wrong, for people. */
  readonly what: string;
  /** The promises that it may break; finding another one is finding something else. */
  readonly promises: readonly (PromiseId | 'error')[];
  readonly edits: readonly SourceEdit[];
  /** What its seeds have in common beyond what they draw, for a bug that needs much to come together. */
  readonly mode?: SimulationMode | undefined;
}

/** A place in a source, which must occur exactly once: a bug whose place has gone is no longer planted, and says so. */
interface SourceEdit {
  /** From the root of the repository. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}
