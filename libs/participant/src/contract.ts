import type { BranchKind, Json } from '@atone/core';
import type { z } from 'zod';

/** A schema whose values can be JSON. */
export type PayloadSchema = z.ZodType;

/** An action as both sides know it: its name, how it is ended, and what goes in and out. */
export interface ActionContract<
  Input extends PayloadSchema = PayloadSchema,
  Output extends PayloadSchema = PayloadSchema,
  Kind extends BranchKind = BranchKind,
> {
  readonly service: string;
  readonly name: string;
  /** `saga`: it takes effect at once, and its compensation undoes it. `tcc`: a try, which is confirmed or cancelled. */
  readonly kind: Kind;
  readonly input: Input;
  readonly output: Output;
}

/** What an action takes, after its schema has read it. */
export type InputOf<Contract> = Contract extends ActionContract<infer Input> ? z.output<Input> : never;

/** What a caller hands in, before the schema has filled in defaults. */
export type RawInputOf<Contract> = Contract extends ActionContract<infer Input> ? z.input<Input> : never;

/** What an action answers. */
export type OutputOf<Contract> =
  Contract extends ActionContract<PayloadSchema, infer Output> ? z.output<Output> : never;

/** An action that is not yet part of a service. */
export interface ActionShape<
  Input extends PayloadSchema = PayloadSchema,
  Output extends PayloadSchema = PayloadSchema,
  Kind extends BranchKind = BranchKind,
> {
  readonly kind: Kind;
  readonly input: Input;
  readonly output: Output;
}

/** All that a service offers. Both sides import it. */
export type ServiceContract<Actions extends Record<string, ActionShape>> = {
  readonly [Name in keyof Actions]: ActionContract<
    Actions[Name]['input'],
    Actions[Name]['output'],
    Actions[Name]['kind']
  >;
};

/** What goes into an action, and what comes out of it. */
export type PayloadShape<Input extends PayloadSchema, Output extends PayloadSchema> = Omit<
  ActionShape<Input, Output>,
  'kind'
>;

/** Describes an action that takes effect at once, by the schemas of its input and output. */
export function action<Input extends PayloadSchema, Output extends PayloadSchema>({
  input,
  output,
}: PayloadShape<Input, Output>): ActionShape<Input, Output, 'saga'> {
  return { kind: 'saga', input, output };
}

/** Describes a try: it reserves what a confirm will use, or a cancel give back. */
export function tryAction<Input extends PayloadSchema, Output extends PayloadSchema>({
  input,
  output,
}: PayloadShape<Input, Output>): ActionShape<Input, Output, 'tcc'> {
  return { kind: 'tcc', input, output };
}

/** Describes what the service `service` offers. */
export function contract<Actions extends Record<string, ActionShape>>(
  service: string,
  actions: Actions,
): ServiceContract<Actions> {
  const entries = Object.entries(actions).map(([name, shape]) => [name, { service, name, ...shape }]);
  return Object.fromEntries(entries) as ServiceContract<Actions>;
}

/** Why a branch is undone, and what is known of it. */
export interface Undo<Contract, Transaction = unknown> {
  readonly gid: string;
  readonly branchId: string;
  readonly attempt: number;
  readonly lane: string | undefined;
  readonly input: InputOf<Contract>;
  /** Undefined where nobody knows whether the action ran. With the barrier it always did. */
  readonly output: OutputOf<Contract> | undefined;
  readonly reason: string;
  /** The open database transaction. What is written past it is not undone when this attempt fails. */
  readonly transaction: Transaction;
}

/** What a confirm is given. */
export interface Confirm<Contract, Transaction = unknown> {
  readonly gid: string;
  readonly branchId: string;
  readonly attempt: number;
  readonly lane: string | undefined;
  readonly input: InputOf<Contract>;
  readonly output: OutputOf<Contract>;
  /** The open database transaction. What is written past it may be written again by the next attempt. */
  readonly transaction: Transaction;
}

/** What an action knows about the branch it carries out. */
export interface BranchContext<Transaction = unknown> {
  readonly gid: string;
  readonly branchId: string;
  /** Counts from 1; more than 1 tells that an earlier attempt may have got this far, though nothing of it is left here. */
  readonly attempt: number;
  /** When the coordinator stops waiting, by this process's clock. */
  readonly deadline: Date | undefined;
  readonly lane: string | undefined;
  /** The open database transaction, which commits together with the barrier row. Write through it and nothing else. */
  readonly transaction: Transaction;
}

/** An action with what carries it out, as the library runs it. */
export interface ActionHandler<Transaction = unknown> {
  readonly contract: ActionContract;
  run(input: unknown, branch: BranchContext<Transaction>): Promise<unknown>;
  /**
   * Undoes the action: the cancel of a try. Absent for an action that cannot be undone; a plan may use it only as its pivot
   * or after it, and no led transaction may call it.
   */
  readonly compensate?: ((undo: Undo<ActionContract, Transaction>) => Promise<void>) | undefined;
  /** Makes what a try has reserved definite. Only of a try, and each try has one. */
  readonly confirm?: ((end: Confirm<ActionContract, Transaction>) => Promise<void>) | undefined;
}

/**
 * The participant's final no: a business answer, not a failure. It is stored, never retried, and aborts the
 * transaction (unless the step says `onRefusal: 'retry'`).
 */
export class RefusedError extends Error {
  override readonly name = 'RefusedError';
  readonly code = 'REFUSED';
  /** What NestJS, Express and Fastify answer when a handler of theirs throws it. */
  readonly status = 409;
  readonly statusCode = 409;
  /**
   * Has NestJS tell others than callers within a transaction nothing but the status. Fastify does not look at it, and answers the message,
   * with the reason, to everybody; so does Express outside of production. Where strangers can call, answer by an error handler.
   */
  readonly expose = false;

  /** Also knows the refusals of another copy of this library in the process, an ESM and a CommonJS one for example. */
  static override [Symbol.hasInstance](error: unknown): error is RefusedError {
    return super[Symbol.hasInstance](error) || isCopy(this, error);
  }

  constructor(
    readonly reason: string,
    readonly details?: Json,
    {
      by,
      ...options
    }: ErrorOptions & {
      /** The action that refused, for the message of its caller. */
      readonly by?: string | undefined;
    } = {},
  ) {
    super(by === undefined ? `Refused: ${reason}` : `${by} refused: ${reason}`, options);
  }
}

/** Classes that are derived from it have nothing by which their copies could be told. */
function isCopy(refused: typeof RefusedError, error: unknown): boolean {
  return (
    refused === RefusedError &&
    error instanceof Error &&
    error.name === 'RefusedError' &&
    'code' in error &&
    error.code === 'REFUSED'
  );
}
