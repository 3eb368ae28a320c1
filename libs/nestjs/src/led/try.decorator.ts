import {
  MisuseError,
  type ActionContract,
  type Confirm,
  type PayloadSchema,
  type RegisteredAction,
  type Undo,
} from '@atone/participant';
import type { ActionMethod } from '../action.decorator.js';
import { declareAction } from '../action.metadata.js';

/** Describes a try in a contract, as `tryAction` returns it. */
export type TryContract = ActionContract<PayloadSchema, PayloadSchema, 'tcc'>;

/** How what a try has reserved is used, or given back. */
export interface TryOptions<ConfirmName extends string, CancelName extends string> {
  /** The name of the public method of the same class that makes it definite. It must succeed in the end. */
  readonly confirm: ConfirmName;
  /** The name of the public method of the same class that gives it back. It must succeed in the end. */
  readonly cancel: CancelName;
  /** How the try is asked again, where a plan does not say. Default: as the coordinator does. */
  readonly retry?: RegisteredAction['retry'];
}

/** A class whose methods `ConfirmName` and `CancelName` end what a try of `Contract` has reserved. */
export type Ending<Contract, ConfirmName extends string, CancelName extends string> = {
  readonly [Name in ConfirmName]: (end: Confirm<Contract, never>) => Promise<unknown>;
} & {
  readonly [Name in CancelName]: (undo: Undo<Contract, never>) => Promise<unknown>;
};

/** Fits methods that try `Contract`, in classes that can confirm and cancel it, and nothing else. */
export type TryDecorator<Contract, ConfirmName extends string, CancelName extends string> = <
  Class extends Ending<Contract, ConfirmName, CancelName>,
  Method extends ActionMethod<Contract>,
>(
  prototype: Class,
  method: string | symbol,
  descriptor: TypedPropertyDescriptor<Method>,
) => void;

/**
 * Makes a method of a provider try what `contract` describes: it reserves, and one of two other methods ends it, once.
 *
 * ```ts
 * @Try(payments.hold, { confirm: 'capture', cancel: 'release' })
 * async hold(input: Hold, branch: BranchContext<EntityManager>): Promise<HoldId> { … }
 *
 * async capture(end: Confirm<typeof payments.hold, EntityManager>): Promise<void> { … }
 * async release(undo: Undo<typeof payments.hold, EntityManager>): Promise<void> { … }
 * ```
 *
 * The barrier answers repeats, and an end without a try, by itself; a try that comes after its cancel is refused.
 *
 * @throws MisuseError when the class is loaded, where the types were silenced.
 */
export function Try<
  Contract extends TryContract,
  const ConfirmName extends string,
  const CancelName extends string,
>(
  contract: Contract,
  options: TryOptions<ConfirmName, CancelName>,
): TryDecorator<Contract, ConfirmName, CancelName> {
  return (prototype: object, method) => {
    refuseMisuse(prototype, method, { contract, options });
    const { confirm, cancel, retry } = options;
    declareAction(prototype, { contract, method, confirm, compensate: cancel, retry });
  };
}

function refuseMisuse(
  prototype: object,
  method: string | symbol,
  use: {
    readonly contract: ActionContract | undefined;
    readonly options: Partial<TryOptions<string, string>> | undefined;
  },
): void {
  if (typeof prototype === 'function') {
    throw new MisuseError(
      `@Try is on the static method ${prototype.name}.${String(method)}. Put it on a method of the instance: Nest makes no use of static ones.`,
    );
  }
  const place = `${prototype.constructor.name}.${String(method)}`;
  const { contract, options } = use;
  if (typeof contract?.name !== 'string') {
    throw new MisuseError(
      `@Try on ${place} names no action. Pass one of a contract: @Try(payments.hold, …). An import cycle may be why it is undefined.`,
    );
  }
  if (contract.kind !== 'tcc') {
    throw new MisuseError(
      `@Try on ${place} names ${contract.service}.${contract.name}, which takes effect at once. Describe it by \`tryAction({ input, output })\` in the contract, or use @Action.`,
    );
  }
  const missing = (['confirm', 'cancel'] as const).find((end) => !isName(options?.[end]));
  if (missing !== undefined) {
    throw new MisuseError(
      `@Try on ${place} does not say what its ${missing} is. Name both methods that end it: { confirm: 'capture', cancel: 'release' }.`,
    );
  }
}

function isName(value: unknown): boolean {
  return typeof value === 'string' && value !== '';
}
