import type { Json } from '@atone/core';
import {
  MisuseError,
  type ActionContract,
  type ActionHandler,
  type BranchContext,
  type Confirm,
  type InputOf,
  type LocalDatabase,
  type Participant,
  type ParticipantOptions,
  type Undo,
} from '@atone/participant';
import { MemoryDatabase, type MemoryTransaction } from '@atone/participant/testing';
import type { z } from 'zod';

/** What a stubbed action answers. */
export type StubAnswer<Contract> =
  Contract extends ActionContract<z.ZodType, infer Output> ? z.input<Output> : never;

/** Answers an action of a stubbed service. Throws a RefusedError to refuse. */
export type StubRun<Contract> = (
  input: InputOf<Contract>,
  branch: BranchContext<MemoryTransaction>,
) => StubAnswer<Contract> | Promise<StubAnswer<Contract>>;

/**
 * A stubbed action: what it answers, and how it is ended. Without `compensate` its undo, and without `confirm` the confirm of a
 * try, only show in `effects`.
 */
export type StubbedAction<Contract> =
  | StubRun<Contract>
  | {
      readonly run: StubRun<Contract>;
      /** `'none'`: nothing can undo it. */
      readonly compensate?: 'none' | ((undo: Undo<Contract, MemoryTransaction>) => void | Promise<void>);
      /** Only of a try. */
      readonly confirm?: (end: Confirm<Contract, MemoryTransaction>) => void | Promise<void>;
    };

/** The actions that a stub carries out; whatever is left out does not exist. */
export type StubbedActions<Contracts> = {
  readonly [Name in keyof Contracts]?: StubbedAction<Contracts[Name]>;
};

/** Something that a stub did, and that stayed. */
export interface StubEffect {
  readonly op: 'action' | 'confirm' | 'compensate';
  readonly action: string;
  readonly input: Json;
}

/** A service that is not under test, with the real barrier over a database in memory. */
export class StubbedService {
  private database = new MemoryDatabase();
  private current: Participant;
  private line: LocalDatabase<MemoryTransaction>;

  constructor(
    readonly service: string,
    private readonly handlers: readonly ActionHandler<MemoryTransaction>[],
    private readonly connectTo: ParticipantMaker,
  ) {
    [this.current, this.line] = this.connect();
  }

  /** The database that its participant uses at the moment. */
  get connection(): LocalDatabase<unknown> {
    return {
      transaction: (work) => this.line.transaction(work),
      session: (transaction) => this.line.session(transaction as MemoryTransaction),
    };
  }

  /** Returns what its actions and compensations did, in the order in which they committed. */
  get effects(): readonly StubEffect[] {
    return this.database.entries as unknown as readonly StubEffect[];
  }

  /** Returns what carries out its commands. */
  get participant(): Participant {
    const { service, handlers } = this.current;
    return {
      service,
      handlers,
      execute: (command) => this.current.execute(command),
      idle: () => this.current.idle(),
    };
  }

  /** Forgets all effects. */
  clear(): void {
    this.database = new MemoryDatabase();
    [this.current, this.line] = this.connect();
  }

  private connect(): [Participant, LocalDatabase<MemoryTransaction>] {
    const { service, handlers } = this;
    const line = this.database.connect();
    return [this.connectTo({ service, handlers, database: line }), line];
  }
}

/** Makes the participant of a stub. */
export type ParticipantMaker = (options: ParticipantOptions<MemoryTransaction>) => Participant;

/** Returns the stub of the service whose contract this is. */
export function stubOf<Contracts extends Readonly<Record<string, ActionContract>>>(
  contracts: Contracts,
  actions: StubbedActions<Contracts>,
  connectTo: ParticipantMaker,
): StubbedService {
  const stubbed = Object.entries(actions) as [string, StubbedAction<ActionContract>][];
  const handlers = stubbed.map(([name, stub]) => handlerOf(contractOf(contracts, name), stub));
  const service = Object.values(contracts)[0]?.service;
  if (service === undefined) {
    throw new MisuseError('A contract without actions cannot be stubbed.');
  }
  return new StubbedService(service, handlers, connectTo);
}

function contractOf(contracts: Readonly<Record<string, ActionContract>>, name: string): ActionContract {
  const contract = contracts[name];
  if (contract === undefined) {
    throw new MisuseError(`The contract has no action '${name}' that could be stubbed.`);
  }
  return contract;
}

function handlerOf(
  contract: ActionContract,
  stub: StubbedAction<ActionContract>,
): ActionHandler<MemoryTransaction> {
  const {
    run,
    compensate = () => undefined,
    confirm = () => undefined,
  } = typeof stub === 'function' ? { run: stub } : stub;
  return {
    contract,
    run: async (input, branch) => {
      const output = await run(input, branch);
      branch.transaction.record({ op: 'action', action: contract.name, input: input as Json });
      return output;
    },
    confirm:
      contract.kind === 'saga'
        ? undefined
        : async (end) => {
            await confirm(end);
            end.transaction.record({ op: 'confirm', action: contract.name, input: end.input as Json });
          },
    compensate:
      compensate === 'none'
        ? undefined
        : async (undo) => {
            await compensate(undo);
            const { input, transaction } = undo;
            transaction.record({ op: 'compensate', action: contract.name, input: input as Json });
          },
  };
}
