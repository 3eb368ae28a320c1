import type { BranchReply } from '@atone/core';
import type { CatalogueStore, EngineLogger, StoredRow } from '@atone/engine';
import { MemoryCatalogueStore, MemoryLog, type MemoryRow } from '@atone/engine/testing';
import type { HttpResponse } from '@atone/participant';
import { MemoryDatabase, type MemoryCommit } from '@atone/participant/testing';
import type { BranchCommand, ParticipantInstance } from '@atone/protocol';
import { SafetyCheck } from '../check/safety.check.js';
import type { Draws } from '../plan/draws.js';
import type { Fates } from '../plan/fates.js';
import { OFFICE, type LedSpec } from '../plan/led.draw.js';
import type { SimulationOptions } from '../plan/options.js';
import type { SimulationPlan } from '../plan/simulation.plan.js';
import { serviceName } from '../plan/transaction.draw.js';
import { Client } from './client.js';
import { CoordinatorProcess } from './coordinator.process.js';
import { LogHistory } from './failover.js';
import type { LogLine } from './log.line.js';
import { Network } from './network.js';
import { Nights } from './nights.js';
import { OfficeProcess } from './office.process.js';
import { ParticipantProcess } from './participant.process.js';
import type { PlainCall } from './plain.call.js';
import { PlainMemory, PlainProcess } from './plain.process.js';
import { waysOf, type Ways } from './ways.js';
import { Scheduler } from './scheduler.js';
import { SimKafka } from './sim.kafka.js';
import { LogClock } from './sim.clock.js';
import type { Life, SimProcess } from './sim.process.js';
import { strangersAtCall } from './strangers.js';

type ServiceProcess = ParticipantProcess | PlainProcess;

/** A process that commands can be sent to. */
export interface Target extends SimProcess {
  /** Carries out a command that has arrived, and tells the answer, if there is one. */
  receive(command: BranchCommand, answer: (reply: BranchReply) => void): void;
  /** Takes a call by hand, where there is no library. */
  serve?(life: Life, call: PlainCall): Promise<HttpResponse>;
}

/** Everything there is: one log, some coordinators, services with a database each, clients, and the time. */
export class World {
  readonly options: SimulationOptions;
  readonly draws: Draws;
  readonly fates: Fates;
  readonly scheduler = new Scheduler();
  readonly logClock = new LogClock(this.scheduler);
  readonly network = new Network(this);
  readonly nights = new Nights(this);
  readonly safety: SafetyCheck;
  readonly log: MemoryLog;
  readonly history = new LogHistory();
  readonly coordinators: readonly CoordinatorProcess[];
  readonly participants: readonly ServiceProcess[];
  /** Whether anybody leads transactions by code. */
  readonly isLed: boolean;
  readonly clients: readonly Client[];
  /** The brokers; there are none in most runs. */
  readonly kafka: SimKafka | undefined;
  /** Who leads transactions; nobody in some runs. */
  readonly office: OfficeProcess | undefined;
  /** Whose code runs at this moment; undefined while a database or the network is at work. */
  running: Life | undefined;
  /** Which instance the log is just working for; what it writes is written before anything is awaited. */
  private writer = '';
  /** The first promise that was broken, or whatever else should not have happened. */
  failure: unknown;
  private readonly catalogue: MemoryCatalogueStore;
  private readonly names = new Map<string, string>();
  private readonly ways = new Map<string, Ways>();
  private readonly calls = new Map<string, string>();
  private readonly strange = new Map<string, StoredRow>();
  private readonly lines: string[] | undefined;

  constructor(
    plan: Pick<SimulationPlan, 'options' | 'transactions' | 'led'>,
    dice: { readonly draws: Draws; readonly fates: Fates },
    trace?: string[],
  ) {
    const { options, transactions, led = [] } = plan;
    this.options = options;
    this.draws = dice.draws;
    this.fates = dice.fates;
    this.lines = trace;
    this.safety = new SafetyCheck(
      (gid) => this.nameOfGid(gid),
      (violation) => {
        this.report(violation);
      },
      this.logClock,
    );
    this.log = new MemoryLog(this.logClock, (row) => {
      this.rowWritten(row);
    });
    this.catalogue = new MemoryCatalogueStore(this.logClock);
    this.coordinators = Array.from(
      { length: options.coordinatorCount },
      (_, index) => new CoordinatorProcess(`coordinator-${index}`, 'coordinator', this),
    );
    this.isLed = led.length > 0;
    this.office = this.isLed ? this.officeFor(led) : undefined;
    this.participants = [
      ...Array.from({ length: options.serviceCount }, (_, index) => this.serviceOf(index)).flat(),
      ...(this.office === undefined ? [] : [this.office]),
    ];
    this.clients = transactions.map((spec) => new Client(this, spec));
    const services = [...new Set(this.participants.map(({ service }) => service))];
    const overKafka = services.filter((service) => this.waysTo(service).kafka);
    this.kafka = options.kafka === undefined ? undefined : new SimKafka(this, overKafka);
  }

  /** Returns how a service is reached. */
  waysTo(service: string): Ways {
    const known = this.ways.get(service);
    if (known !== undefined) {
      return known;
    }
    const isPlain = this.participants.some(
      (each) => each.service === service && each instanceof PlainProcess,
    );
    const ways = waysOf(service, isPlain ? undefined : this.options.kafka, this.draws);
    this.ways.set(service, ways);
    return ways;
  }

  get processes(): readonly SimProcess[] {
    return [...this.coordinators, ...this.participants];
  }

  report(failure: unknown): void {
    this.trace('', `FAILURE ${String(failure)}`);
    this.failure ??= failure;
  }

  /** Writes a line of the trace. Lines are made only where somebody reads them. */
  trace(who: string, what: string): void {
    this.lines?.push(`${this.scheduler.nowMs.toFixed(2).padStart(10)} ${who.padEnd(15)} ${what}`);
  }

  get isTraced(): boolean {
    return this.lines !== undefined;
  }

  coordinator(name: string): CoordinatorProcess {
    const found = this.coordinators.find((coordinator) => coordinator.name === name);
    if (found === undefined) {
      throw new Error(`There is no coordinator ${name}.`);
    }
    return found;
  }

  /** Returns the instance that a command goes to: any one of its service, whether it is up or not. */
  participantFor(command: BranchCommand, point: string): Target | undefined {
    if (!this.waysTo(command.service).http) {
      return undefined;
    }
    const instances = this.participants.filter(({ service }) => service === command.service);
    return this.draws.pick(`${point} instance`, instances);
  }

  /** Returns where the instances of a service take commands. */
  urlsOf(service: string): readonly string[] {
    const instances = this.participants.filter((each) => each.service === service);
    return instances.map(({ name }) => `http://${name}.sim`);
  }

  /** Returns where some instance of a plain endpoint is called by code; undefined for a service with the library. */
  plainUrlOf(service: string, point: string): string | undefined {
    const isPlain = this.participants.some(
      (each) => each.service === service && each instanceof PlainProcess,
    );
    return isPlain ? this.draws.pick(`${point} instance`, this.urlsOf(service)) : undefined;
  }

  /** Gives a transaction the name that traces and plans know it by. */
  named(gid: string, name: string): void {
    if (!this.names.has(gid)) {
      this.names.set(gid, name);
    }
  }

  nameOfGid(gid: string): string {
    return this.names.get(gid) ?? gid;
  }

  nameOf({
    gid,
    branchId,
    op,
    round,
    attempt,
  }: Pick<BranchCommand, 'gid' | 'branchId' | 'op' | 'round' | 'attempt'>): string {
    const branch = this.calls.get(`${gid} ${branchId}`) ?? `${this.nameOfGid(gid)}/${branchId}`;
    return `${branch} ${op} ${round}.${attempt}`;
  }

  /** Code calls a branch: from now on plans know it by the call, because parts of its id are drawn at each run. */
  callMade(command: BranchCommand): void {
    const { gid, branchId, op, input, led } = command;
    if (op !== 'action') {
      return;
    }
    const { branch = '' } = input as { readonly branch?: string };
    this.calls.set(`${gid} ${branchId}`, `${this.nameOfGid(gid)}/${branch}`);
    if (led !== undefined) {
      this.safety.led.story.secret(gid, led.secretHash);
    }
    strangersAtCall(this, command);
  }

  /** Code calls a service without the library. */
  calledByHand(
    {
      gid,
      branchId,
      secretHash,
    }: { readonly gid: string; readonly branchId: string; readonly secretHash: string },
    name: string,
  ): void {
    this.calls.set(`${gid} ${branchId}`, `${this.nameOfGid(gid)}/${name}`);
    this.safety.led.story.secret(gid, secretHash);
  }

  async register(): Promise<void> {
    await this.kafka?.open();
    for (const { service, registration } of this.participants as readonly {
      service: string;
      registration: ParticipantInstance;
    }[]) {
      // oxlint-disable-next-line no-await-in-loop -- in memory, and in order.
      await this.catalogue.register(service, registration);
    }
  }

  /** Has the log work for an instance. */
  writingAs<Answer>(instanceId: string, work: () => Promise<Answer>): Promise<Answer> {
    this.writer = instanceId;
    return work();
  }

  catalogueFor(line: LogLine): CatalogueStore {
    return {
      register: (service, instance) => line.ask('register', () => this.catalogue.register(service, instance)),
      deregister: (service, instance) =>
        line.ask('deregister', () => this.catalogue.deregister(service, instance)),
      list: () => line.ask('catalogue', () => this.catalogue.list()),
    };
  }

  loggerFor(name: string): EngineLogger {
    const log = (fields: Readonly<Record<string, unknown>>, event: string): void => {
      if (this.isTraced) {
        const gid = typeof fields['gid'] === 'string' ? ` ${this.nameOfGid(fields['gid'])}` : '';
        const error = fields['error'] instanceof Error ? `: ${fields['error'].message}` : '';
        this.trace(name, `says "${event}"${gid}${error}`);
      }
    };
    return { info: log, warn: log, error: log };
  }

  /** Returns the rows that nobody here can drive, as they are now. */
  strangeRows(): readonly StoredRow[] {
    return [...this.strange.values()];
  }

  private rowWritten(row: MemoryRow): void {
    this.history.written(row, this.scheduler.nowMs);
    const tag = row.tags['tx'];
    if (tag === undefined && row.kind !== 'led') {
      this.strange.set(row.gid, row);
      return;
    }
    if (tag !== undefined && row.kind !== 'led') {
      this.named(row.gid, row.version === 1 && this.isTaken(tag) ? `${tag}+${this.names.size}` : tag);
    }
    if (this.isTraced) {
      const stuck = row.stuckReason === undefined ? '' : ` stuck: ${row.stuckReason}`;
      this.trace(
        'log',
        `${this.nameOfGid(row.gid)} v${row.version} ${row.state}${stuck} owner ${row.owner ?? '-'}`,
      );
    }
    this.kafka?.check.rowWritten(row);
    this.safety.rowWritten(row, this.writer);
  }

  private isTaken(name: string): boolean {
    return [...this.names.values()].includes(name);
  }

  private serviceOf(index: number): ServiceProcess[] {
    const service = serviceName(index);
    const instances = Array.from({ length: this.options.instanceCount }, (_, each) => `${service}.${each}`);
    if (index < this.options.plainCount) {
      const memory = new PlainMemory(this.safety);
      return instances.map((name) => new PlainProcess(name, this, { service, memory }));
    }
    const database = this.databaseOf(service);
    return instances.map((name) => new ParticipantProcess(name, this, { service, database }));
  }

  private officeFor(specs: readonly LedSpec[]): OfficeProcess {
    return new OfficeProcess(`${OFFICE}.0`, this, { database: this.databaseOf(OFFICE), specs });
  }

  private databaseOf(service: string): MemoryDatabase {
    return new MemoryDatabase((commit) => {
      if (this.isTraced) {
        this.traceCommit(service, commit);
      }
      this.safety.committed(commit);
    }, this.logClock);
  }

  private traceCommit(service: string, { rows, removed }: MemoryCommit): void {
    for (const { gid, branchId, columns } of rows) {
      this.trace(service, `commits ${this.nameOfGid(gid)}/${branchId} ${String(columns['state'])}`);
    }
    for (const { gid, branchId } of removed) {
      this.trace(service, `removes ${this.nameOfGid(gid)}/${branchId}`);
    }
  }
}
