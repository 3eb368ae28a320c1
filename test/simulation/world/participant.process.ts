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
  private connection: MemoryConnection | undefined;

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
    void this.participant?.execute(command).then(answer);
  }

  protected boot(life: Life): void {
    const { world, service } = this;
    const connection = this.place.database.connect(new SimDatabaseLine(life, world));
    this.connection = connection;
    const endings = endingsOver(life);
    this.participant = createParticipant({
      service,
      database: connection,
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
      this.cleanUpRows(life, { connection, endings, keepFor: world.options.keepRowsMs });
    }
  }

  private cleanUpRows(
    life: Life,
    means: {
      readonly connection: MemoryConnection;
      readonly endings: TransactionEndings;
      readonly keepFor: number;
    },
  ): void {
    const { connection: database, endings, keepFor } = means;
    createPortJanitor(
      { service: this.service, database, endings, every: 500, keepFor },
      {
        clock: { setTimer: (delayMs, callback) => life.after(delayMs, callback) },
        random: new SeededRandom(this.world.draws.integer(`${this.name} janitor`, 1, 0x7fffffff)),
      },
    ).start();
  }

  protected cleanUp(): void {
    const { connection } = this;
    this.participant = undefined;
    // The database notices a moment later; what was on its way there is carried out before.
    this.world.scheduler.after(5, () => {
      connection?.end();
    });
  }
}
