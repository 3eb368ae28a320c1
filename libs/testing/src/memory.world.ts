import { randomBytes } from 'node:crypto';
import type { Random } from '@atone/core';
import type { StoredRow } from '@atone/engine';
import { MemoryCatalogueStore, MemoryLog, SeededRandom } from '@atone/engine/testing';
import type { HttpRequest, HttpResponse, LedPorts } from '@atone/participant';
import type { ParticipantInstance, TransactionView } from '@atone/protocol';
import { CoordinatorApi } from './coordinator.api.js';
import { CoordinatorProcess, NEVER } from './coordinator.process.js';
import { Initiator, InitiatorCrashedError } from './initiator.js';
import { Network } from './network.js';
import { Pace } from './pace.js';
import type { Questions } from './questions.js';
import { Requests } from './requests.js';
import { actIn, currentScene, listenToFailpoints, type FailpointListener } from './scene.js';
import { VirtualClock } from './virtual.clock.js';

/** Longer than any transaction takes whose participants are there. */
const QUIET_WITHIN_MS = 24 * 3_600_000;

const ALL = Number.MAX_SAFE_INTEGER;

/** One coordinator after the other, the log and the catalogue that they share, their time, and their network. */
export class MemoryWorld {
  readonly clock = new VirtualClock();
  readonly pace = new Pace(this.clock);
  readonly network: Network;
  readonly requests: Requests;
  readonly random: Random;
  /** What led transactions need from the machine they run on. Their timers alone let no time pass. */
  readonly ledPorts: LedPorts;
  readonly listener: FailpointListener = {
    coordinatorReached: (name, process) => this.coordinatorReached(name, process),
    participantReached: (name, execution) => this.network.reached(name, execution),
    questionReached: (name, member) => this.network.questionReached(name, member),
  };
  private readonly store = new MemoryCatalogueStore(this.clock);
  private readonly questions = new Set<Questions>();
  /** What has not ended, by gid: of the log one would copy all rows, at each step of time. */
  private unfinished: ReadonlyMap<string, StoredRow> = new Map();
  private log = this.emptyLog();
  private pauses = new SeededRandom(1);
  private process: CoordinatorProcess;
  private processCount = 0;
  private initiator = new Initiator();
  /** Changes of the catalogue that are under way. */
  private entering: Promise<void> = Promise.resolve();

  constructor() {
    listenToFailpoints();
    // Pauses are the same in each run. Ids are not: the database of a service may have seen those of another test.
    this.random = { next: () => this.pauses.next(), bytes: (count) => randomBytes(count) };
    // Whether a call is made once more before patience ends must not be up to chance.
    const random = { ...this.random, next: () => 0.5 };
    this.ledPorts = { clock: this.clock, time: this.clock, random };
    this.network = new Network({
      pace: this.pace,
      clock: this.clock,
      listener: this.listener,
      abort: (gid) => this.abort(gid),
    });
    this.requests = new Requests({
      answer: (request) => this.answer(request),
      initiator: () => this.currentInitiator(),
      fateOf: (request) => this.network.tap?.request(request) ?? 'passes',
      later: (deliver) => this.network.deliverLast(deliver),
      during: (answer) => this.pace.during(answer),
    });
    this.process = this.boot();
  }

  /** Returns whose code is running, if it is no participant's. */
  currentInitiator(): Initiator | undefined {
    const scene = currentScene();
    const isParticipant = scene?.execution !== undefined || scene?.questioning !== undefined;
    return isParticipant ? undefined : (scene?.initiator ?? this.initiator);
  }

  /** Runs the code of an initiator. @throws InitiatorCrashedError as soon as that dies: the code never returns then. */
  async lead(work: () => Promise<unknown>): Promise<unknown> {
    const { initiator, listener } = this;
    const death = initiator.death.then(() => {
      throw new InitiatorCrashedError();
    });
    try {
      return await Promise.race([actIn({ listener, initiator }, work), death]);
    } finally {
      if (initiator.isDead) {
        this.initiator = new Initiator();
      }
    }
  }

  /** Has a participant's questions count among what is under way. Returns what ends that. */
  addQuestions(questions: Questions): () => void {
    this.questions.add(questions);
    return () => {
      questions.forget();
      this.questions.delete(questions);
    };
  }

  register(service: string, instance: ParticipantInstance): void {
    this.enter(() => this.process.catalogue.register(service, instance));
  }

  deregister(service: string, instance: string): void {
    this.enter(() => this.process.catalogue.deregister(service, instance));
  }

  /** Ends a coordinator without a word, and starts another one. */
  crash(process: CoordinatorProcess = this.process): void {
    if (process === this.process) {
      process.kill();
      this.process = this.boot();
    }
  }

  /** Ends all transactions without a word, and starts with an empty log. */
  async reset(): Promise<void> {
    this.process.kill();
    this.initiator.die();
    this.initiator = new Initiator();
    this.network.reset();
    for (const questions of this.questions) {
      questions.forget();
    }
    this.log = this.emptyLog();
    this.pauses = new SeededRandom(1);
    this.processCount = 0;
    this.process = this.boot();
    await this.started();
  }

  async started(): Promise<void> {
    await this.process.started;
  }

  /** Returns a transaction as it stands, also when it is only heard of. @throws TransactionNotFoundError */
  async transaction(gid: string): Promise<TransactionView> {
    return this.process.serve(() => this.api().view(gid, 0));
  }

  /** Returns all transactions in the order of their acceptance. */
  async transactions(): Promise<readonly TransactionView[]> {
    const rows = await this.log.list({ limit: ALL });
    return Promise.all(rows.toReversed().map(({ gid }) => this.transaction(gid)));
  }

  /** Returns which branches in doubt could not be ended, and why. */
  troubles(): readonly string[] {
    return [...this.questions].flatMap(({ troubles }) => troubles);
  }

  /**
   * Lets time pass until each transaction has ended, or waits for an operator, no branch is in doubt but those that are
   * told to wait for that operator, too, and nothing is on its way.
   *
   * @throws Error when that takes more than a day, which names what has not ended.
   */
  async quiet(): Promise<void> {
    const until = this.clock.now() + QUIET_WITHIN_MS;
    for (;;) {
      // oxlint-disable-next-line no-await-in-loop -- one step of time after the other.
      await this.pace.settle();
      const restless = this.restless();
      if (this.network.isSlow || restless.length > 0) {
        this.clock.fireNext();
      } else if (!this.network.releaseLate()) {
        return;
      }
      if (this.clock.now() > until) {
        throw new Error(`A day has passed, and it is not quiet: ${restless.join('; ') || 'a call goes on'}.`);
      }
    }
  }

  /** Returns what will still move by itself: transactions, and branches in doubt. */
  private restless(): readonly string[] {
    const rows = [...this.unfinished.values()];
    const resting = rows.filter(({ stuckReason, isPaused }) => stuckReason !== undefined || isPaused);
    const restingSince = new Map(resting.map(({ gid, stuckAt = 0 }) => [gid, stuckAt]));
    return [
      ...rows
        .filter(({ gid }) => !restingSince.has(gid))
        .map(({ gid, name, state }) => `'${name}' ${gid} is ${state}`),
      ...[...this.questions].flatMap((questions) => questions.openBranches(restingSince)),
    ];
  }

  private emptyLog(): MemoryLog {
    const unfinished = new Map<string, StoredRow>();
    this.unfinished = unfinished;
    return new MemoryLog(this.clock, (row) => {
      if (row.finishedAt === undefined) {
        unfinished.set(row.gid, row);
      } else {
        unfinished.delete(row.gid);
      }
    });
  }

  /** Answers a request to the coordinator's API. Rejects when the coordinator dies first. */
  private async answer(request: HttpRequest): Promise<HttpResponse> {
    await this.entering;
    return this.api().answer(request);
  }

  private api(): CoordinatorApi {
    const { process, log, store, clock } = this;
    return new CoordinatorApi({ process, log, store, clock });
  }

  private boot(): CoordinatorProcess {
    this.processCount += 1;
    return new CoordinatorProcess({
      instanceId: `coordinator-${this.processCount}`,
      log: this.log,
      store: this.store,
      clock: this.clock,
      random: this.random,
      listener: this.listener,
      send: (command, process, answerWithinMs) => {
        const sender = {
          take: process.take.bind(process),
          // It finds out by waiting.
          lose: () => undefined,
          die: () => this.crash(process),
        };
        this.network.send(command, sender, answerWithinMs);
      },
    });
  }

  private coordinatorReached(name: string, process: CoordinatorProcess): void | Promise<void> {
    if (process === this.process && this.network.tap?.coordinatorReached(name) === 'crashes') {
      this.crash(process);
      return NEVER;
    }
    return undefined;
  }

  private enter(change: () => Promise<void>): void {
    this.entering = this.entering.then(change);
  }

  /** Where the act is not possible the transaction goes on, which is what the caller wants then. */
  private abort(gid: string): void {
    const { process } = this;
    const act = { type: 'abort', by: 'test', reason: 'The test has the undo come first.' } as const;
    process.serve(() => process.engine.act(gid, act)).catch(() => undefined);
  }
}
