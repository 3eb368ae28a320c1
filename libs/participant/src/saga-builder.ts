import { PLAN_INPUT, planProblems, type Json, type PlanStep } from '@atone/core';
import type { Submission, SubmittedStep } from '@atone/protocol';
import { z } from 'zod';
import { durationMs } from './client.duration.js';
import type { ActionContract, PayloadSchema, RawInputOf } from './contract.js';
import { InvalidSagaError, InvalidSagaInputError } from './saga-builder.errors.js';
import { leaveOutMissing, readSagaInput } from './saga-builder.input.js';
import { compileMapping, standIn, standInsOf, UnmappableError } from './saga-builder.recording.js';
import type {
  Exactly,
  InputReference,
  Mapped,
  NewStepName,
  OutputReferences,
  SagaOptions,
  StepOptions,
  Tags,
  WithStep,
} from './saga-builder.types.js';

/** A saga of which only the input matters, whatever its steps are. */
export type AnySaga = Saga<PayloadSchema, object>;

/** What `Saga` takes as its input, before the schema has filled in defaults. */
export type SagaInput<Type> = Type extends Saga<infer Schema, object> ? z.input<Schema> : never;

/** The outputs of the steps of `Saga`, by the names of the steps. */
export type SagaOutputs<Type> = Type extends Saga<PayloadSchema, infer Outputs> ? Outputs : never;

/**
 * Starts the description of the saga `name`, whose input `schema` describes.
 *
 * ```ts
 * const placeOrder = saga('place-order', Order)
 *   .step('stock', stock.reserve, (o) => ({ sku: o.sku, quantity: o.quantity }))
 *   .step('charge', payments.charge, (o, s) => ({ account: o.account, cents: s.stock.total }), { pivot: true });
 * ```
 */
export function saga<Schema extends PayloadSchema>(
  name: string,
  schema: Schema,
  options: SagaOptions<Schema> = {},
): Saga<Schema, NoOutputs> {
  return new Saga({ name, schema, options, timeoutMs: timeoutMsOf(name, options) }, []);
}

/** The outputs of a saga that has no steps yet. */
// oxlint-disable-next-line typescript/no-empty-object-type -- the type that has no keys, to which steps add theirs
type NoOutputs = {};

interface SagaHead<Schema extends PayloadSchema> {
  readonly name: string;
  readonly schema: Schema;
  readonly options: SagaOptions<Schema>;
  readonly timeoutMs: number | undefined;
}

/** A saga, typed from its input to the output of its last step. It never changes: each step makes a new one. */
export class Saga<Schema extends PayloadSchema, Outputs extends object> {
  /** Only for the types: the outputs of the steps, by name. */
  declare readonly outputs: Outputs;

  constructor(
    private readonly head: SagaHead<Schema>,
    private readonly steps: readonly SubmittedStep[],
  ) {}

  get name(): string {
    return this.head.name;
  }

  /**
   * Returns this saga with one more step, which comes after the one before it unless `options.after` says otherwise.
   *
   * `mapping` says what the action gets. It runs once, now, over stand-ins for the values: it can pass on parts of the
   * saga's input and of outputs of earlier steps, and mix them with literals, but it cannot calculate.
   *
   * @throws InvalidSagaError when the mapping calculates, or the saga could not run with this step.
   */
  // oxlint-disable max-params -- an object would make every step of every saga harder to read
  step<
    const Name extends string,
    Contract extends ActionContract<PayloadSchema, PayloadSchema, 'saga'>,
    Result extends Mapped<RawInputOf<Contract>>,
  >(
    name: Name & NewStepName<Name, Outputs>,
    contract: Contract,
    mapping: (
      input: InputReference<z.output<Schema>>,
      outputs: OutputReferences<Outputs>,
    ) => Result & Exactly<Result, RawInputOf<Contract>>,
    options: StepOptions<Extract<keyof Outputs, string>> = {},
  ): Saga<Schema, WithStep<Outputs, Name, Contract>> {
    // oxlint-enable max-params
    this.refuseTry(name, contract);
    const step: SubmittedStep = {
      name,
      service: contract.service,
      action: contract.name,
      ...definedOnly({ input: this.compile(name, contract, mapping as unknown as UntypedMapping) }),
      ...definedOnly({ ...options, after: options.after === undefined ? undefined : [...options.after] }),
    };
    const steps = [...this.steps, step];
    refuseProblems(this.head.name, steps);
    return new Saga(this.head, steps);
  }

  /**
   * Returns what to submit for `input`, which the schema has read and completed.
   *
   * @throws InvalidSagaInputError naming the fields of `input` that are wrong.
   * @throws InvalidSagaError for a saga without steps.
   */
  plan(input: z.input<Schema>): Submission {
    const { name, schema, options, timeoutMs } = this.head;
    if (this.steps.length === 0) {
      throw new InvalidSagaError(name, 'it has no steps.');
    }
    const document = readSagaInput(name, schema, input);
    return {
      name,
      ...definedOnly({ input: document, timeoutMs, retry: options.retry, lane: options.lane }),
      ...definedOnly({ tags: tagsOf(options, input) }),
      steps: this.steps.map((step) => withoutMissing(step, document, name)),
    };
  }

  private refuseTry(step: string, { service, name, kind }: ActionContract): void {
    if (kind === 'tcc') {
      throw new InvalidSagaError(
        this.head.name,
        `step '${step}' calls ${service}.${name}, which is a try, and no plan confirms one. Call it in a led transaction ` +
          '(`@GlobalTransaction`), or use an action with a compensation.',
      );
    }
  }

  /** Returns the input of a step, or undefined where the action takes none. */
  private compile(step: string, contract: ActionContract, mapping: UntypedMapping): Json | undefined {
    try {
      const result = mapping(standIn(PLAN_INPUT), standInsOf(this.steps.map(({ name }) => name)));
      return result === undefined && takesNothing(contract) ? undefined : compileMapping(result);
    } catch (error) {
      if (error instanceof UnmappableError) {
        throw new InvalidSagaError(this.head.name, `in the mapping of step '${step}', ${error.message}`, {
          cause: error,
        });
      }
      throw error;
    }
  }
}

function takesNothing({ input }: ActionContract): boolean {
  return input instanceof z.ZodVoid || input instanceof z.ZodUndefined;
}

type UntypedMapping = (input: object, outputs: object) => unknown;

function timeoutMsOf(name: string, options: { readonly timeout?: SagaOptions<PayloadSchema>['timeout'] }) {
  try {
    return options.timeout === undefined ? undefined : durationMs(options.timeout);
  } catch (error) {
    throw new InvalidSagaError(name, `its timeout is wrong. ${(error as Error).message}`, { cause: error });
  }
}

function tagsOf<Schema extends PayloadSchema>(
  options: SagaOptions<Schema>,
  input: z.input<Schema>,
): Record<string, string> | undefined {
  const tags: Tags | undefined = typeof options.tags === 'function' ? options.tags(input) : options.tags;
  return tags === undefined ? undefined : { ...tags };
}

function withoutMissing(step: SubmittedStep, document: Json, sagaName: string): SubmittedStep {
  const { input: template, ...rest } = step;
  if (template === undefined) {
    return step;
  }
  const input = leaveOutMissing(template, document);
  if (input.ok) {
    return { ...rest, ...definedOnly({ input: input.value }) };
  }
  const message = `is missing, and a list in the input of step '${step.name}' needs it`;
  throw new InvalidSagaInputError(sagaName, [{ field: input.missing, message }]);
}

/**
 * Refuses what the coordinator would refuse, as far as it can be known here: whether an action can be undone stands in
 * the catalogue only. A later step cannot mend what is wrong with an earlier one, so each is judged when it comes.
 */
function refuseProblems(name: string, submitted: readonly SubmittedStep[]): void {
  const steps = submitted.map((step, position) => planStepOf(step, submitted[position - 1]?.name));
  const problems = planProblems({ name, input: null, steps });
  if (problems.length > 0) {
    throw new InvalidSagaError(name, problems.map(({ message }) => message).join(' '));
  }
}

function planStepOf(step: SubmittedStep, previous: string | undefined): PlanStep {
  const usual = previous === undefined ? [] : [previous];
  return {
    branchId: step.name,
    service: step.service,
    action: step.action,
    input: step.input ?? null,
    after: step.after ?? usual,
    pivot: step.pivot ?? false,
    onRefusal: step.onRefusal ?? 'abort',
    hasBarrier: true,
    canUndo: true,
  };
}

type DefinedOnly<Value> = { [Key in keyof Value]?: Exclude<Value[Key], undefined> };

function definedOnly<Value extends object>(value: Value): DefinedOnly<Value> {
  const entries = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(entries) as DefinedOnly<Value>;
}
