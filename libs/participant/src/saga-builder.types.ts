import type { RetryPolicy } from '@atone/core';
import type { z } from 'zod';
import type { OutputOf, PayloadSchema } from './contract.js';
import type { Duration } from './client.duration.js';

declare const referenced: unique symbol;

/** Stands for a value that is not there yet: it can be passed on, and nothing else. */
export interface ReferenceTo<Value> {
  readonly [referenced]: Value;
}

/**
 * A place in the saga's input. A part that may be missing fits only where the step's input may be missing too: it is
 * then left out.
 */
export type InputReference<Value> = ReferenceTo<Value> & InputParts<NonNullable<Value>, Gap<Value>>;

/**
 * A place in the output of an earlier step. A part that may be missing fits nowhere: what the coordinator cannot find,
 * it cannot leave out either, and the transaction would be stuck. Pass the whole object, or give the part a default in
 * the contract.
 */
export type OutputReference<Value> = ReferenceTo<Value> & OutputParts<NonNullable<Value>, Gap<Value>>;

/** What an output may lack. It fits no step's input. */
export interface MayBeMissing<Value> {
  readonly 'may be missing: pass the whole object, or give it a default in the contract': Value;
}

/** What a mapping may return for an input of type `Value`: references, literals, and objects of both. */
export type Mapped<Value> = ReferenceTo<Value> | MappedParts<Value>;

/** The outputs of earlier steps, by the names of the steps. */
export type OutputReferences<Outputs extends object> = {
  readonly [Name in keyof Outputs]: OutputReference<Outputs[Name]>;
};

/** `Result`, with every member forbidden that `Value` does not know: a misspelt optional one would be lost. */
export type Exactly<Result, Value> =
  Result extends ReferenceTo<unknown>
    ? unknown
    : Result extends object
      ? { readonly [Key in Exclude<keyof Result, KeyOfAny<Value>>]: never }
      : unknown;

/** `Name`, unless a step is called so already. */
export type NewStepName<Name extends string, Outputs extends object> = Name extends keyof Outputs
  ? { readonly 'another step is called so already': Name }
  : Name;

/** Adds the output of `Contract` under `Name`. */
export type WithStep<Outputs extends object, Name extends string, Contract> = Outputs & {
  readonly [Key in Name]: OutputOf<Contract>;
};

/** How one step differs from the usual. */
export interface StepOptions<StepName extends string = string> {
  /** The steps that come first. Default: the step before; `[]` starts at once. */
  readonly after?: readonly StepName[];
  /** Whether the step's yes decides to commit. At most one step of a saga. Default: no. */
  readonly pivot?: boolean;
  /** What a refusal does: `abort` undoes the saga, `retry` asks again. Default: `abort`. */
  readonly onRefusal?: 'abort' | 'retry';
  readonly retry?: Partial<RetryPolicy>;
}

/** Names and values to find a transaction by. */
export type Tags = Readonly<Record<string, string>>;

/** How a saga differs from the usual. */
export interface SagaOptions<Schema extends PayloadSchema> {
  /** After it, what is undecided is aborted. Default: what the coordinator says, 10 minutes. */
  readonly timeout?: Duration;
  readonly retry?: Partial<RetryPolicy>;
  /** The tags of each transaction, or how to get them from the input that was submitted. */
  readonly tags?: Tags | ((input: z.input<Schema>) => Tags);
  readonly lane?: string;
}

type Gap<Value> = Value extends null | undefined ? undefined : never;

type InputParts<Value, Missing> = Value extends readonly unknown[]
  ? { readonly [Position in ItemKey<Value>]: InputReference<Item<Value, Position> | Missing> }
  : Value extends object
    ? { readonly [Key in keyof Value]-?: InputReference<Value[Key] | Missing> }
    : unknown;

type OutputParts<Value, Missing> = Value extends readonly unknown[]
  ? { readonly [Position in ItemKey<Value>]: OutputPart<Item<Value, Position> | Missing> }
  : Value extends object
    ? { readonly [Key in keyof Value]-?: OutputPart<Value[Key] | Missing> }
    : unknown;

type OutputPart<Value> = undefined extends Value ? MayBeMissing<Value> : OutputReference<Value>;

/** Any number for an array, the positions for a tuple. No methods: a mapping cannot call them. */
type ItemKey<Items extends readonly unknown[]> = number extends Items['length']
  ? number
  : Extract<keyof Items, `${number}`>;

type Item<Items extends readonly unknown[], Position> = number extends Items['length']
  ? Items[number] | undefined
  : Position extends keyof Items
    ? Items[Position]
    : never;

type MappedParts<Value> = Value extends readonly (infer Element)[]
  ? readonly Mapped<Element>[]
  : Value extends object
    ? { readonly [Key in keyof Value]: Mapped<Value[Key]> }
    : Value;

type KeyOfAny<Value> = Value extends unknown ? keyof Value : never;
