import type { z } from 'zod';
import type {
  ActionContract,
  ActionHandler,
  BranchContext,
  Confirm,
  InputOf,
  PayloadSchema,
  Undo,
} from './contract.js';
import type { RegisteredAction } from './registration.js';

/** A handler, with what the catalogue tells of it besides. */
export type ServiceHandler<Transaction> = ActionHandler<Transaction> & Pick<RegisteredAction, 'retry'>;

/** What carries out an action returns, before the schema has filled in defaults. */
export type AnswerOf<Contract> =
  Contract extends ActionContract<PayloadSchema, infer Output> ? z.input<Output> : never;

/** How an action that takes effect at once is undone; `'none'` for what cannot be. */
interface Undoing<Contract, Transaction> {
  readonly compensate: ((undo: Undo<Contract, Transaction>) => Promise<unknown>) | 'none';
}

/** How what a try has reserved is used, or given back. Both must succeed in the end. */
interface Ending<Contract, Transaction> {
  readonly confirm: (end: Confirm<Contract, Transaction>) => Promise<unknown>;
  readonly cancel: (undo: Undo<Contract, Transaction>) => Promise<unknown>;
}

/** What carries out `Contract`, with the types that it tells. */
export type HandlerOf<Contract, Transaction> = {
  readonly run: (input: InputOf<Contract>, branch: BranchContext<Transaction>) => Promise<AnswerOf<Contract>>;
} & Pick<RegisteredAction, 'retry'> &
  (Contract extends { readonly kind: 'tcc' }
    ? Ending<Contract, Transaction>
    : Undoing<Contract, Transaction>);

/**
 * Returns the handler of the action or the try `contract`, whose payloads have the types of the contract.
 *
 * ```ts
 * const holdCar: ActionHandler<PoolClient> = handlerOf(cars.hold, {
 *   run: async ({ city }, { transaction }) => { … },
 *   confirm: async ({ input, transaction }) => { … },
 *   cancel: async ({ input, transaction }) => { … },
 * });
 * ```
 */
export function handlerOf<Contract extends ActionContract, Transaction = unknown>(
  contract: Contract,
  parts: HandlerOf<Contract, Transaction>,
): ServiceHandler<Transaction> {
  // The participant has read the payloads by the schemas of the contract when it calls these.
  const { run, retry, ...ends } = parts as unknown as LooseParts<Transaction>;
  const undo = ends.cancel ?? ends.compensate;
  return {
    contract,
    run,
    retry,
    compensate: undo === undefined || undo === 'none' ? undefined : settling(undo),
    confirm: ends.confirm && settling(ends.confirm),
  };
}

type LooseParts<Transaction> = Pick<ServiceHandler<Transaction>, 'run' | 'retry'> &
  Partial<Undoing<ActionContract, Transaction>> &
  Partial<Ending<ActionContract, Transaction>>;

/** What an end returns goes nowhere. */
function settling<Given>(end: (given: Given) => Promise<unknown>): (given: Given) => Promise<void> {
  return async (given) => void (await end(given));
}
