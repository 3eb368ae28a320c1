import type { BranchReply } from '@atone/core';
import { SeededRandom } from '@atone/engine/testing';
import {
  createParticipant,
  createPortJanitor,
  type Participant,
  type TransactionEndings,
} from '@atone/participant';
import type { MemoryConnection, MemoryDatabase } from '@atone/participant/testing';
import type { BranchCommand, ParticipantInstance } from '@atone/protocol';
import { ACTIONS } from '../plan/transaction.draw.js';
import { SimDatabaseLine } from './database.line.js';
import { endingsOver } from './endings.line.js';
import { handlersOf } from './handlers.js';
import { EPOCH_MS } from './sim.clock.js';
import { SimProcess, type Life } from './sim.process.js';
import type { World } from './world.js';

/** An instance of a service that keeps Atone's barrier: the production library over a simulated database. */
export class ParticipantProcess extends SimProcess {
  private participant: Participant | undefined;
  private readonly connections: MemoryConnection[] = [];

  constructor(
    name: string,
    world: World,
    private readonly place: { readonly service: string; readonly database: MemoryDatabase },
  ) {
    super(name, 'participant', world);
  }

  get service(): string {
    return this.place.service;
  }

  get registration(): ParticipantInstance {
    return {
      instance: this.name,
      baseUrl: 'http://127.0.0.1:1',
      kind: 'library',
      protocol: 1,
      actions: [
        { name: ACTIONS.undoable, hasCompensation: true },
        { name: ACTIONS.final, hasCompensation: false },
      ],
    };
  }

  /** Carries out a command that has arrived here. */
  receive(command: BranchCommand, answer: (reply: BranchReply) => void): void {
    if (this.participant === undefined) {
      answer({ outcome: 'unknown', error: { class: 'unreachable', message: 'It is still starting.' } });
    } else {
      void this.participant.execute(command).then(answer);
    }
  }

  protected boot(life: Life): void {
    const { world, service } = this;
    const database = this.connect(life);
    const endings = endingsOver(life);
    this.participant = createParticipant({
      service,
      database,
      handlers: handlersOf(life, service).filter(
        ({ contract }) => !this.isOtherVersion || contract.name !== ACTIONS.undoable,
      ),
      endings,
      parallelMax: 4,
      clock: {
        now: () => world.scheduler.nowMs + EPOCH_MS,
        instant: (ms) => new Date(ms),
      },
    });
    if (world.options.keepRowsMs !== undefined) {
      this.cleanUpRows(life, endings, world.options.keepRowsMs);
    }
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
