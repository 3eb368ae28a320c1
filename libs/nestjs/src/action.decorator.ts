import {
  MisuseError,
  type ActionContract,
  type AnswerOf,
  type BranchContext,
  type InputOf,
  type PayloadSchema,
  type RegisteredAction,
  type Undo,
} from '@atone/participant';
import { declareAction } from './action.metadata.js';

export type { AnswerOf } from '@atone/participant';

/** What `compensate` says for an action that cannot be undone. */
export const NO_COMPENSATION = 'none';

/** How an action is undone, and how it differs from the usual. */
export interface ActionOptions<Compensate extends string> {
  /**
   * The name of the public method of the same class that undoes the action; or `'none'` for what cannot be undone.
   * A plan may use such an action only as its pivot or after it.
   */
  readonly compensate: Compensate;
  /** How the action is asked again, where a plan does not say. Default: as the coordinator does. */
  readonly retry?: RegisteredAction['retry'];
}

/** Describes in a contract what takes effect at once, as `action` returns it. */
export type SagaAction = ActionContract<PayloadSchema, PayloadSchema, 'saga'>;

/** A method that carries out `Contract`. It is asynchronous: the answer commits together with what it did. */
export type ActionMethod<Contract> = (
  input: InputOf<Contract>,
  branch: BranchContext<never>,
) => Promise<AnswerOf<Contract>>;

/** A class that has the method `Compensate`, and it undoes `Contract`. */
export type Compensating<Contract, Compensate extends string> = {
  readonly [Name in Exclude<Compensate, typeof NO_COMPENSATION>]: (
    undo: Undo<Contract, never>,
  ) => Promise<unknown>;
};

/** Fits methods that carry out `Contract`, in classes that can undo it, and nothing else. */
export type ActionDecorator<Contract, Compensate extends string> = <
  Class extends Compensating<Contract, Compensate>,
  Method extends ActionMethod<Contract>,
>(
  prototype: Class,
  method: string | symbol,
  descriptor: TypedPropertyDescriptor<Method>,
) => void;

/**
 * Makes a method of a provider carry out the action `contract`.
 *
 * ```ts
 * @Action(payments.charge, { compensate: 'refund' })
 * async charge(input: Charge, branch: BranchContext<EntityManager>): Promise<Receipt> { … }
 *
 * async refund(undo: Undo<typeof payments.charge, EntityManager>): Promise<void> { … }
 * ```
 *
 * The library calls the methods on the instance that Nest made, so other decorators and proxies apply to these calls.
 *
 * @throws MisuseError when the class is loaded, where the types were silenced.
 */
export function Action<Contract extends SagaAction, const Compensate extends string>(
  contract: Contract,
  options: ActionOptions<Compensate>,
): ActionDecorator<Contract, Compensate> {
  return (prototype: object, method) => {
    refuseMisuse(prototype, method, { contract, options });
    const { compensate, retry } = options;
    declareAction(prototype, {
      contract,
      method,
      compensate: compensate === NO_COMPENSATION ? undefined : compensate,
      confirm: undefined,
      retry,
    });
  };
}

function refuseMisuse(
  prototype: object,
  method: string | symbol,
  use: { readonly contract: ActionContract; readonly options: Partial<ActionOptions<string>> | undefined },
): void {
  if (typeof prototype === 'function') {
    throw new MisuseError(
      `@Action is on the static method ${prototype.name}.${String(method)}. Put it on a method of the instance: Nest makes no use of static ones.`,
    );
  }
  const place = `${prototype.constructor.name}.${String(method)}`;
  if (typeof use.contract?.name !== 'string') {
    throw new MisuseError(
      `@Action on ${place} names no action. Pass one of a contract: @Action(payments.charge, …). An import cycle may be why it is undefined.`,
    );
  }
  if (use.contract.kind === 'tcc') {
    throw new MisuseError(
      `@Action on ${place} names ${use.contract.service}.${use.contract.name}, which is a try. Use @Try(…, { confirm: 'method', cancel: 'method' }), or describe it by \`action({ input, output })\` in the contract.`,
    );
  }
  if (typeof use.options?.compensate !== 'string' || use.options.compensate === '') {
    throw new MisuseError(
      `@Action on ${place} does not say how the action is undone. Name the method that does it: { compensate: 'method' }; or say { compensate: 'none' } if nothing can: then a plan may use it only as its pivot or after it.`,
    );
  }
}
