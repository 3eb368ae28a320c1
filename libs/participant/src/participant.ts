import { randomBytes } from 'node:crypto';
import type { BranchReply, Json, Random } from '@atone/core';
import type { BranchCommand } from '@atone/protocol';
import { createBarrier } from './barrier.js';
import type { ActionResult, Barrier, BarrierCall, ConfirmCall, StoredAction } from './barrier.port.js';
import { runInBranch } from './branch.context.js';
import { BranchFailure, failure, unknownReply } from './branch.failure.js';
import type { ParticipantClock } from './clock.port.js';
import type { ActionHandler, BranchContext } from './contract.js';
import type { LocalDatabase } from './database.port.js';
import type { TransactionEndings } from './endings.port.js';
import { ExecutionReport, type ParticipantLog } from './execution.report.js';
import { HandlerRegistry } from './handler.registry.js';
import type { LedRuntime, RunScope } from './led/scope.port.js';
import { createLedRuntime } from './node/led.runtime.js';
import { systemClock } from './node/system-clock.js';
import { MisuseError } from './participant.error.js';
import { afterWait, isAbove, isLedCommand, ledTermsOf } from './participant.led.js';
import { readInput, writeOutput } from './payload.js';
import { UnderWay, type Execution } from './under.way.js';
import { WorkLimit, type RunningWork } from './work-limit.js';

/** How many commands run at once, each with a connection of its own, where the pool has enough of them. */
export const PARALLEL_MAX = 16;

/** How many further commands wait for their turn. */
export const WAITING_MAX = 1_024;

export interface ParticipantOptions<Transaction> {
  readonly service: string;
  readonly database: LocalDatabase<Transaction>;
  readonly handlers: readonly ActionHandler<Transaction>[];
  /** Default 16, or three quarters of the pool if that is less: handlers may need a connection more, to read. */
  readonly parallelMax?: number | undefined;
  /** Default 1,024. Beyond it commands are answered `unreachable: busy`, and the coordinator comes back later. */
  readonly waitingMax?: number | undefined;
  /**
   * Who is asked whether a transaction has ended, where rows of the barrier were removed: the client of the coordinator.
   * Without it, what may be a late duplicate is never carried out.
   */
  readonly endings?: TransactionEndings | undefined;
  readonly clock?: ParticipantClock | undefined;
  /** Where the nonces of led branches come from. Default: the random numbers of the system. */
  readonly random?: Pick<Random, 'bytes'> | undefined;
  /** Runs handlers that may call others in a led transaction. Default: in the asynchronous context of this process. */
  readonly runtime?: LedRuntime | undefined;
  /** Default: the one in `database`. Another one is for tests. */
  readonly barrier?: Barrier<Transaction> | undefined;
  /** Is told of each execution that failed, never of a refusal or a payload. Default: nothing is logged. */
  readonly log?: ParticipantLog | undefined;
}

/** How a command has come. */
export interface Arrival {
  /** It was sent long ago: an action is carried out only if the coordinator calls its transaction live. */
  readonly isLate?: boolean | undefined;
  /**
   * Told when the handler is about to call others in the same transaction, and where that may have happened before: then the answer
   * may depend on further commands.
   */
  readonly onCall?: (() => void) | undefined;
}

/** What carries out the commands for one service in this process. */
export interface Participant {
  readonly service: string;
  readonly handlers: readonly ActionHandler<never>[];
  /** Carries out one command. Never rejects: whatever goes wrong is the reply `unknown`. */
  execute(this: void, command: BranchCommand, arrival?: Arrival): Promise<BranchReply>;
  /** Resolves when no command runs or waits. */
  idle(this: void): Promise<void>;
}

/**
 * Returns the participant of a service. One that takes calls of led transactions needs a sweeper beside it
 * (`createDoubtSweeper`): if an initiator dies, nobody else asks what was decided.
 *
 * @throws MisuseError if the handlers cannot work as they are: the message says which, and what to do.
 */
export function createParticipant<Transaction>(options: ParticipantOptions<Transaction>): Participant {
  const { service, handlers } = options;
  const executor = new CommandExecutor(options);
  return {
    service,
    handlers,
    execute: (command, arrival) => executor.execute(command, arrival),
    idle: () => executor.idle(),
  };
}

/** A place to run, perhaps later. */
type Place = RunningWork<BranchCommand> | Promise<RunningWork<BranchCommand>>;

class CommandExecutor<Transaction> {
  readonly #registry: HandlerRegistry<Transaction>;
  readonly #barrier: Barrier<Transaction>;
  readonly #clock: ParticipantClock;
  readonly #random: Pick<Random, 'bytes'>;
  readonly #runtime: LedRuntime;
  readonly #limit: WorkLimit<BranchCommand>;
  readonly #report: ExecutionReport;
  readonly #underWay = new UnderWay();

  constructor(private readonly options: ParticipantOptions<Transaction>) {
    this.#registry = new HandlerRegistry(options.service, options.handlers);
    this.#barrier = options.barrier ?? createBarrier(options.database, options.endings);
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? { bytes: (count) => randomBytes(count) };
    this.#runtime = options.runtime ?? createLedRuntime();
    this.#report = new ExecutionReport(options.log);
    this.#limit = new WorkLimit(
      {
        running: parallelMaxOf(options),
        waiting: options.waitingMax ?? WAITING_MAX,
        below: belowMaxOf(options),
      },
      () => this.#clock.now(),
    );
  }

  idle(): Promise<void> {
    return this.#limit.idle();
  }

  /** A repeat of what is under way here shares its answer, rather than hold a connection and wait for the row. */
  execute(command: BranchCommand, arrival: Arrival = {}): Promise<BranchReply> {
    const underWay = this.#underWay.find(command);
    if (underWay !== undefined) {
      arrival.onCall?.();
      return underWay;
    }
    const place = this.#isBelow(command) ? this.#limit.enterBelow(command) : this.#limit.enter(command);
    if (place === undefined) {
      return Promise.resolve(failure('unreachable', this.#busyMessage()));
    }
    const execution = this.#underWay.begin(command);
    execution.reply = this.#answer(execution, arrival, place);
    return execution.reply;
  }

  /** Whoever runs above it waits for its answer, and keeps its place until then. */
  #isBelow(command: BranchCommand): boolean {
    return isLedCommand(command) && this.#limit.isRunning((running) => isAbove(running, command));
  }

  /** Handlers that never return look like load from outside: whoever is asked needs the name of one of them. */
  #busyMessage(): string {
    const busy = `Service '${this.options.service}' is busy: too many commands wait.`;
    const { oldest } = this.#limit;
    if (oldest === undefined) {
      return busy;
    }
    const { gid, branchId, op, service, action } = oldest.subject;
    const seconds = Math.max(0, Math.round((this.#clock.now() - oldest.startedAt) / 1_000));
    return `${busy} The oldest that runs is the ${op} ${service}.${action} of branch ${branchId} of ${gid}, for ${seconds} s.`;
  }

  /** All that there is to do for a command, in one function: each promise more costs it what its whole record costs. */
  async #answer(execution: Execution, arrival: Arrival, place: Place): Promise<BranchReply> {
    const { command } = execution;
    const running = place instanceof Promise ? await place : place;
    try {
      const reply = await this.#carryOut(afterWait(command, running.startedAt - running.askedAt), arrival);
      this.#report.tell(command, reply);
      return reply;
    } catch (error) {
      const reply = unknownReply(error);
      this.#report.tell(command, reply, error);
      return reply;
    } finally {
      this.#limit.leave(running);
      this.#underWay.end(execution);
    }
  }

  /** Closing needs no handler: an operator closes a round above all when the code is gone. */
  #carryOut(command: BranchCommand, arrival: Arrival): Promise<BranchReply> {
    const { gid, branchId, service, action, round, op } = command;
    if (service !== this.options.service) {
      throw new BranchFailure('action-gone', `This is service '${this.options.service}', not '${service}'.`);
    }
    const call = { gid, branchId, service, action, round };
    switch (op) {
      case 'action':
        return this.#act(command, call, arrival);
      case 'compensate':
        return this.#barrier.undo(call, (transaction, stored) =>
          this.#compensate(command, transaction, stored),
        );
      case 'confirm':
        return this.#barrier.confirm(confirmCall(command, call), (transaction, stored) =>
          this.#confirm(command, transaction, stored),
        );
      case 'close-action':
        return this.#barrier.closeAction(call);
      case 'close-confirm':
        return this.#barrier.closeConfirm(confirmCall(command, call));
      case 'close-compensate':
        return this.#barrier.closeUndo(call);
    }
  }

  #act(command: BranchCommand, call: BarrierCall, { isLate, onCall }: Arrival): Promise<BranchReply> {
    const handler = this.#registry.find(command.action);
    const { gid, branchId, service, action, round } = call;
    const asked = { gid, branchId, service, action, round, input: command.input, isLate };
    if (!isLedCommand(command)) {
      return this.#barrier.act(asked, (transaction) => this.#run(handler, command, transaction));
    }
    const nonce = Buffer.from(this.#random.bytes(NONCE_BYTES)).toString('base64url');
    const led = ledTermsOf(command, handler, { now: this.#clock.now(), nonce });
    return this.#barrier.act({ ...asked, led }, (transaction) => {
      const work = async (scope: RunScope): Promise<ActionResult> => {
        const result = await this.#run(handler, command, transaction);
        return { ...result, enlisted: await scope.collect() };
      };
      return this.#runtime.run(command, work, onCall);
    });
  }

  #run(
    handler: ActionHandler<Transaction>,
    command: BranchCommand,
    transaction: Transaction,
  ): Promise<ActionResult> {
    const { contract } = handler;
    const carryOut = (input: unknown): Promise<ActionResult> =>
      runInBranch(
        command,
        () => handler.run(input, this.#contextOf(command, transaction)),
        (result) => resultOf(writeOutput(contract, result)),
      );
    const input = readInput(contract, command.input);
    return input instanceof Promise ? input.then(carryOut) : carryOut(input);
  }

  async #confirm(command: BranchCommand, transaction: Transaction, stored: StoredAction): Promise<void> {
    const { contract, confirm } = this.#registry.find(command.action);
    if (confirm === undefined) {
      throw new BranchFailure(
        'code',
        `${command.service}.${command.action} was a try when its branch was called, and has no confirm any more. Bring it back.`,
      );
    }
    const { gid, branchId, attempt, lane } = command;
    const input = (await readInput(contract, stored.input)) as never;
    const output = stored.output as never;
    await runInBranch(command, () => confirm({ gid, branchId, attempt, lane, input, output, transaction }));
  }

  async #compensate(command: BranchCommand, transaction: Transaction, stored: StoredAction): Promise<void> {
    const { contract, compensate } = this.#registry.find(command.action);
    if (compensate === undefined) {
      throw new BranchFailure(
        'code',
        `${command.service}.${command.action} has no compensation, and its effect is there. Give the action one, or make it the pivot of the plan.`,
      );
    }
    const { gid, branchId, attempt, lane } = command;
    const input = (await readInput(contract, stored.input)) as never;
    const reason = command.reason ?? 'the transaction was aborted';
    const output = stored.output as never;
    await runInBranch(command, () =>
      compensate({ gid, branchId, attempt, lane, input, output, reason, transaction }),
    );
  }

  #contextOf(command: BranchCommand, transaction: Transaction): BranchContext<Transaction> {
    const { gid, branchId, attempt, lane, remainingMs } = command;
    const deadline =
      remainingMs === undefined ? undefined : this.#clock.instant(this.#clock.now() + remainingMs);
    return { gid, branchId, attempt, deadline, lane, transaction };
  }
}

const NONCE_BYTES = 12;

function confirmCall({ nonce, led }: BranchCommand, call: BarrierCall): ConfirmCall {
  return { ...call, nonce, secretHash: led?.secretHash };
}

/** With every connection held by a handler that waits for one more, all of them would wait for ever. */
function parallelMaxOf({
  service,
  parallelMax,
  database,
}: {
  readonly service: string;
  readonly parallelMax?: number | undefined;
  readonly database: { readonly connectionCountMax?: number | undefined };
}): number {
  const connectionCount = database.connectionCountMax ?? Number.POSITIVE_INFINITY;
  if (connectionCount < 2 || (parallelMax ?? 0) >= connectionCount) {
    throw new MisuseError(
      `Service '${service}' would run ${parallelMax ?? 1} commands at once over a pool of ${connectionCount} connections, and a ` +
        'handler that reads through another connection would wait for ever. Give the pool at least one connection more ' +
        'than `parallelMax`, or lower `parallelMax`.',
    );
  }
  return parallelMax ?? Math.min(PARALLEL_MAX, Math.max(1, Math.floor(connectionCount * 0.75)));
}

/** Leaves nobody's connection out, and none to spare either: what runs below something ends before that does. */
function belowMaxOf(options: Parameters<typeof parallelMaxOf>[0]): number {
  return Math.min(
    options.database.connectionCountMax ?? Number.POSITIVE_INFINITY,
    2 * parallelMaxOf(options),
  );
}

function resultOf(output: Promise<Json> | Json): Promise<ActionResult> | ActionResult {
  return output instanceof Promise ? output.then((told) => ({ output: told })) : { output };
}
