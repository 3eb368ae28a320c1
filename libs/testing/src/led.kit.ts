import {
  createParticipant,
  createPortGlobalTransactions,
  createPortLedRuntime,
  type AtoneClient,
  type GlobalTransactions,
  type GlobalTransactionsOptions,
  type LedPorts,
  type LedRuntime,
  type LocalDatabase,
  type Participant,
  type ParticipantOptions,
  type ServiceCalls,
} from '@atone/participant';
import type { Member } from './execution.js';
import { createLedCalls } from './led.calls.js';
import type { MemoryWorld } from './memory.world.js';
import { Questions } from './questions.js';
import { onTimeOf } from './virtual.database.js';

/** What of led transactions a test may say for itself; everything else is the test's. */
export type LedOptions = Omit<GlobalTransactionsOptions, 'coordinator'>;

/** Puts what led transactions need on the network and the time of a test. */
export class LedKit {
  /** Makes the calls of service clients. */
  readonly calls: ServiceCalls;
  /** The clock and the dice. */
  readonly ports: LedPorts;
  private readonly runtime: LedRuntime;

  constructor(
    private readonly world: MemoryWorld,
    private readonly client: AtoneClient,
  ) {
    const { network, pace, clock, ledPorts } = world;
    this.ports = ledPorts;
    const initiator = (): ReturnType<MemoryWorld['currentInitiator']> => world.currentInitiator();
    this.calls = createLedCalls({ network, pace, clock, time: ledPorts.time, initiator });
    this.runtime = createPortLedRuntime({ registrar: client }, ledPorts);
  }

  globalTransactions(options: LedOptions, coordinator: AtoneClient): GlobalTransactions {
    return createPortGlobalTransactions({ ...options, coordinator }, this.ports);
  }

  /** Returns the database as the barrier sees it. */
  databaseOf<Transaction>(database: LocalDatabase<Transaction>): LocalDatabase<Transaction> {
    return onTimeOf(this.world.clock, database);
  }

  /** Returns a participant on the time of the test, whose `database` is one of `databaseOf`. */
  participant<Transaction>(options: ParticipantOptions<Transaction>): Participant {
    const { runtime, client, world } = this;
    return createParticipant({ runtime, endings: client, clock: world.clock, ...options });
  }

  /** Returns what asks about the branches in doubt of `member`. */
  questions(member: Member, database: LocalDatabase<unknown>): Questions {
    const { clock, pace, listener, random, network } = this.world;
    return new Questions({
      member,
      database,
      doubts: this.client,
      carryOut: (command) => network.execute(command),
      clock,
      random,
      pace,
      listener,
    });
  }
}
