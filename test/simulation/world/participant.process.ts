import type { BranchReply } from '@atone/core';
import { SeededRandom } from '@atone/engine/testing';
import {
  createParticipant,
  createPortDoubtSweeper,
  createPortJanitor,
  type Participant,
  type TransactionEndings,
} from '@atone/participant';
import { startKafkaCommands } from '@atone/participant/kafka';
import type { MemoryConnection, MemoryDatabase } from '@atone/participant/testing';
import { commandsTopic, TOPIC_PREFIX, type BranchCommand, type ParticipantInstance } from '@atone/protocol';
import { LED_ACTIONS } from '../plan/led.draw.js';
import { ACTIONS } from '../plan/transaction.draw.js';
import { SimDatabaseLine } from './database.line.js';
import { endingsOver } from './endings.line.js';
import { handlersOf } from './handlers.js';
import { ledHandlersOf } from './led.handlers.js';
import { LedKit, participantClock } from './led.kit.js';
import { SimProcess, type Life } from './sim.process.js';
import type { World } from './world.js';

/** What the other version of a service has lost. */
const GONE: ReadonlySet<string> = new Set([ACTIONS.undoable, LED_ACTIONS.try]);

/** For how long the code of a branch calls again what gave no answer. */
const CALL_PATIENCE_MS = 1_000;

/** An instance of a service that keeps Atone's barrier: the production library over a simulated database. */
export class ParticipantProcess extends SimProcess {
  private participant: Participant | undefined;
  private readonly connections: MemoryConnection[] = [];

  constructor(
    name: string,
    world: World,
    private readonly place: {
      readonly service: string;
      readonly database: MemoryDatabase;
      /** Default: `participant`. */
      readonly role?: SimProcess['role'];
    },
  ) {
    super(name, place.role ?? 'participant', world);
  }

  get service(): string {
    return this.place.service;
  }

  get registration(): ParticipantInstance {
    const ways = this.world.waysTo(this.service);
    return {
      instance: this.name,
      ...(ways.http ? { baseUrl: 'http://127.0.0.1:1' } : {}),
      ...(ways.kafka ? { kafka: { topic: commandsTopic(TOPIC_PREFIX, this.service) } } : {}),
      kind: 'library',
      protocol: 1,
      actions: [
        { name: ACTIONS.undoable, hasCompensation: true },
        { name: ACTIONS.final, hasCompensation: false },
        { name: LED_ACTIONS.try, hasCompensation: true },
        { name: LED_ACTIONS.saga, hasCompensation: true },
      ],
    };
  }

  /** Carries out a command that has arrived here. */
  receive(command: BranchCommand, answer: (reply: BranchReply) => void): void {
    void this.execute(command).then(answer);
  }

  private async execute(command: BranchCommand): Promise<BranchReply> {
    if (this.participant === undefined) {
      return { outcome: 'unknown', error: { class: 'unreachable', message: 'It is still starting.' } };
    }
    const reply = await this.participant.execute(command);
    this.world.safety.led.answered(command, reply);
    return reply;
  }

  protected boot(life: Life): void {
    const { world, service } = this;
    const database = this.connect(life);
    const endings = endingsOver(life);
    const kit = world.isLed ? this.kitFor(life, CALL_PATIENCE_MS) : undefined;
    const handlers = [
      ...handlersOf(life, service),
      ...(kit === undefined ? [] : ledHandlersOf(life, service, kit)),
    ];
    this.participant = createParticipant({
      service,
      database,
      handlers: handlers.filter(({ contract }) => !this.isOtherVersion || !GONE.has(contract.name)),
      endings,
      parallelMax: 4,
      clock: participantClock(life),
      ...(kit === undefined ? {} : { random: this.randomFor('nonces'), runtime: kit.runtime }),
    });
    if (world.waysTo(service).kafka) {
      this.takeFromKafka(life, this.participant);
    }
    if (world.options.keepRowsMs !== undefined) {
      this.cleanUpRows(life, endings, world.options.keepRowsMs);
    }
    if (kit !== undefined) {
      this.sweep(life, kit, this.participant);
    }
  }

  /** Returns what code of this process leads transactions with, and calls others. */
  protected kitFor(life: Life, patienceMs: number): LedKit {
    const local = {
      service: this.service,
      execute: (command: BranchCommand): Promise<BranchReply> => {
        this.world.callMade(command);
        return this.execute(command);
      },
    };
    return new LedKit(life, { service: this.service, local, patienceMs });
  }

  private connect(life: Life, user?: string): MemoryConnection {
    const connection = this.place.database.connect(new SimDatabaseLine(life, this.world, user));
    this.connections.push(connection);
    return connection;
  }

  private cleanUpRows(life: Life, endings: TransactionEndings, keepFor: number): void {
    const user = `${this.name} janitor`;
    createPortJanitor(
      { service: this.service, database: this.connect(life, user), endings, every: 500, keepFor },
      {
        clock: { setTimer: (delayMs, callback) => life.after(delayMs, callback) },
        random: new SeededRandom(this.world.draws.integer(user, 1, 0x7fffffff)),
      },
    ).start();
  }

  private takeFromKafka(life: Life, participant: Participant): void {
    const { kafka, options, network } = this.world;
    const { slowAfterMs = 10_000 } = options;
    const story = kafka?.check.participant(life, slowAfterMs);
    if (kafka === undefined || story === undefined) {
      return;
    }
    const line = kafka.lineOf(life, story);
    this.kafkaLine = line;
    const execute = async (command: BranchCommand): Promise<BranchReply> => {
      story.begins(command);
      const execution = network.begins(life);
      const reply = await this.execute(command);
      execution.ends();
      story.ends(command);
      this.world.trace(this.name, `answers ${reply.outcome} to ${this.world.nameOf(command)}`);
      return reply;
    };
    void startKafkaCommands({
      participant: { ...participant, execute },
      client: line,
      parallelMax: 4,
      slowAfterMs,
      clock: {
        now: () => participantClock(life).now(),
        setTimer: (delayMs, callback) => life.after(delayMs, callback),
      },
      log: { warn: (fields, message) => this.world.loggerFor(this.name).warn({ ...fields }, message) },
    });
  }

  private sweep(life: Life, { client: doubts }: LedKit, participant: Participant): void {
    const { sweepEveryMs: every, sweepBatch: batch } = this.world.options;
    const user = `${this.name} sweeper`;
    createPortDoubtSweeper(
      {
        participant,
        database: this.connect(life, user),
        doubts,
        every,
        batch,
        log: this.world.loggerFor(this.name),
      },
      {
        clock: { setTimer: (delayMs, callback) => life.after(delayMs, callback) },
        random: this.randomFor('sweeper'),
      },
    ).start();
  }

  private randomFor(what: string): SeededRandom {
    return new SeededRandom(this.world.draws.integer(`${this.name} ${what}`, 1, 0x7fffffff));
  }

  protected cleanUp(): void {
    const connections = this.connections.splice(0);
    this.participant = undefined;
    // The database notices a moment later; what was on its way there is carried out before.
    this.world.scheduler.after(5, () => {
      for (const connection of connections) {
        connection.end();
      }
    });
  }
}
