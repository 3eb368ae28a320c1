import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import type { BranchReply, Enlistment } from '@atone/core';
import type {
  BranchCommand,
  CommandBatch,
  DecisionRequest,
  LogInfo,
  Notice,
  RegistrationRequest,
  TransactionView,
} from '@atone/protocol';
import { replyTo } from '@atone/protocol';
import { inputHash } from '../canonical-json.js';
import { CoordinatorRefusedError, CoordinatorUnreachableError } from '../client.errors.js';
import type { ElapsedClock, HttpRequest, HttpResponse } from '../client.ports.js';
import type { DecideOptions } from '../client.led.js';
import type { GlobalTransactions, GlobalTransactionsOptions, LedCoordinator } from '../led/global.options.js';
import { createPortGlobalTransactions } from '../led/global.transactions.js';
import type { LedPorts } from '../led/led.frame.js';
import {
  createPortServiceCalls,
  type ServiceCalls,
  type ServiceCallsOptions,
} from '../led/service.client.js';
import { systemClock } from '../node/system-clock.js';

/** Time that passes only when everybody waits for it. */
export class VirtualClock implements ElapsedClock {
  nowMs = 1_000;
  readonly #timers = new Set<{ readonly at: number; readonly callback: () => void }>();

  now(): number {
    return this.nowMs;
  }

  setTimer(delayMs: number, callback: () => void): { cancel(): void } {
    const timer = { at: this.nowMs + delayMs, callback };
    this.#timers.add(timer);
    return { cancel: () => void this.#timers.delete(timer) };
  }

  /** Resolves or rejects as `work` does; whenever nothing else moves, time goes on to the next timer. */
  async run<Result>(work: Promise<Result>): Promise<Result> {
    let isOver = false;
    const over = (): void => {
      isOver = true;
    };
    work.then(over, over);
    for (;;) {
      // oxlint-disable-next-line no-await-in-loop -- what can move without time moves first
      await setImmediate();
      if (isOver) {
        return work;
      }
      this.#next();
    }
  }

  /** Lets `ms` pass, and what falls due in them happen. */
  async pass(ms: number): Promise<void> {
    await this.run(new Promise<void>((resolve) => this.setTimer(ms, resolve)));
    await setImmediate();
  }

  #next(): void {
    const [first] = [...this.#timers].toSorted((left, right) => left.at - right.at);
    if (first !== undefined) {
      this.#timers.delete(first);
      this.nowMs = Math.max(this.nowMs, first.at);
      first.callback();
    }
  }
}

const GID_EPOCH_MS = 1_767_225_600_000;

/** A coordinator that keeps decisions in memory, and answers what a test says. */
class FakeCoordinator implements LedCoordinator {
  readonly decisions: {
    readonly gid: string;
    readonly request: DecisionRequest;
    readonly options?: DecideOptions;
  }[] = [];
  readonly registrations: { readonly gid: string; readonly request: RegistrationRequest }[] = [];
  readonly noticed: Notice[] = [];
  readonly outcomes = new Map<string, 'committed' | 'aborted'>();
  /** Thrown by the next calls of `decide`, one after the other; what is done all the same is done before. */
  readonly troubles: { readonly error: Error; readonly isDone: boolean }[] = [];
  logInfoCount = 0;
  epoch = 1;

  constructor(private readonly clock: ElapsedClock) {}

  async logInfo(): Promise<LogInfo> {
    this.logInfoCount += 1;
    const now = systemClock.instant(GID_EPOCH_MS + this.clock.now()).toISOString();
    return { logNumber: 7, epoch: this.epoch, now, timeoutMaxMs: 3_600_000 };
  }

  async decide(gid: string, request: DecisionRequest, options: DecideOptions = {}): Promise<TransactionView> {
    this.decisions.push({ gid, request, options });
    const trouble = this.troubles.shift();
    if (trouble?.isDone === false) {
      throw trouble.error;
    }
    const asked = request.to === 'commit' ? 'committed' : 'aborted';
    const outcome = this.outcomes.get(gid) ?? asked;
    this.outcomes.set(gid, outcome);
    if (trouble !== undefined) {
      throw trouble.error;
    }
    if (outcome !== asked) {
      throw refusal('ALREADY_DECIDED', outcome);
    }
    return { gid, outcome, branches: [] } as unknown as TransactionView;
  }

  async registerBranches(gid: string, request: RegistrationRequest): Promise<TransactionView> {
    this.registrations.push({ gid, request });
    return { gid, outcome: 'undecided', branches: [] } as unknown as TransactionView;
  }

  async notices(notices: readonly Notice[]): Promise<void> {
    this.noticed.push(...notices);
  }

  get decision(): DecisionRequest | undefined {
    return this.decisions.at(-1)?.request;
  }
}

const SUBJECT = { url: 'http://coordinator.test', what: 'decide', changes: true };

/** Returns what a coordinator's refusal becomes in the client. */
export function refusal(code: string, outcome?: 'committed' | 'aborted'): CoordinatorRefusedError {
  return new CoordinatorRefusedError(SUBJECT, {
    status: 409,
    code,
    detail: `Because ${code}.`,
    errors: [],
    outcome,
  });
}

/** Returns what the client throws when no answer came. */
export function noAnswer(): CoordinatorUnreachableError {
  return new CoordinatorUnreachableError(SUBJECT, 'connect ECONNREFUSED');
}

export type Service = (command: BranchCommand) => Promise<BranchReply>;

/** Services, a coordinator and a network in memory. */
export class LedWorld {
  readonly clock = new VirtualClock();
  readonly coordinator = new FakeCoordinator(this.clock);
  readonly services = new Map<string, Service>();
  readonly commands: BranchCommand[] = [];
  readonly warnings: string[] = [];
  readonly ports: LedPorts;
  #drawn = 0;

  constructor(private readonly options: Partial<GlobalTransactionsOptions> = {}) {
    this.ports = {
      clock: this.clock,
      time: { now: () => GID_EPOCH_MS + this.clock.now(), instant: (ms) => systemClock.instant(ms) },
      random: { next: () => 0.5, bytes: (count) => this.#bytes(count) },
    };
  }

  globalTransactions(): GlobalTransactions {
    const note = (fields: object, message: string): void =>
      void this.warnings.push(`${message} ${JSON.stringify(fields)}`);
    return createPortGlobalTransactions(
      { service: 'orders', coordinator: this.coordinator, log: { warn: note, error: note }, ...this.options },
      this.ports,
    );
  }

  calls(options: Partial<ServiceCallsOptions> = {}): ServiceCalls {
    const directory = { waysTo: async (service: string) => ({ baseUrls: [`http://${service}.test`] }) };
    return createPortServiceCalls(
      { directory, ...options },
      { send: (request) => this.send(request), time: this.ports.time },
    );
  }

  /** Carries one command to the service that it is for. What the service throws is a lost answer. */
  async send({ body = '' }: Pick<HttpRequest, 'body'>): Promise<HttpResponse> {
    const [command] = (JSON.parse(body) as CommandBatch).commands;
    if (command === undefined) {
      throw new Error('no command');
    }
    this.commands.push(command);
    const reply = await this.services.get(command.service)?.(command);
    if (reply === undefined) {
      throw new Error('connect ECONNREFUSED');
    }
    return { status: 200, text: `${JSON.stringify(replyTo(command, reply))}\n`, header: () => undefined };
  }

  /** No two draws are alike. */
  #bytes(count: number): Uint8Array<ArrayBuffer> {
    this.#drawn += 1;
    const digest = createHash('sha512').update(String(this.#drawn)).digest();
    return Uint8Array.from({ length: count }, (_, position) => digest[position % digest.length] ?? 0);
  }
}

/** Returns the yes of a participant with a barrier. */
export function done(command: BranchCommand, more: Partial<Enlistment> = {}): BranchReply {
  const nonce = `nonce-of-${command.branchId.replaceAll(/[^A-Za-z0-9]/gu, '-')}`;
  return {
    outcome: 'done',
    output: { ok: true },
    enlistment: { kind: 'saga', nonce, inputHash: inputHash(command.input), ...more },
  };
}
