import {
  createClient,
  createServiceClient,
  durationMs,
  MisuseError,
  type ActionContract,
  type AtoneClient,
  type ClientOptions,
  type Duration,
  type GlobalTransactions,
  type LocalDatabase,
  type Participant,
  type ParticipantOptions,
  type RegisteredAction,
  type ServiceClient,
} from '@atone/participant';
import { PROTOCOL_VERSION, type ParticipantInstance } from '@atone/protocol';
import {
  visitCrashPoints,
  type CrashPointOptions,
  type CrashPointSummary,
  type Invariant,
  type RunTransaction,
} from './crash.points.js';
import type { Member } from './execution.js';
import { historyLines } from './history.lines.js';
import { LedKit, type LedOptions } from './led.kit.js';
import { MemoryWorld } from './memory.world.js';
import { PlannedFault, type FaultKind, type FaultOptions } from './planned.fault.js';
import { stubOf, type StubbedActions, type StubbedService } from './stub.js';

/** How a participant takes part. */
export interface JoinOptions {
  /** What the catalogue is told of the actions. Default: the handlers. */
  readonly actions?: readonly RegisteredAction[] | undefined;
  /** The colour of traffic that it takes. */
  readonly lane?: string | undefined;
  /** Where its barrier is, as `serve` and `AtoneTestingModule` tell: without it it takes no part in led transactions. */
  readonly database?: LocalDatabase<unknown> | undefined;
}

/** A service that a test has put together. */
export type ServeOptions<Transaction> = Pick<
  ParticipantOptions<Transaction>,
  'service' | 'database' | 'handlers' | 'barrier' | 'log'
> &
  Pick<JoinOptions, 'lane'>;

/** A service that takes commands from the coordinator of a test. */
export interface JoinedService {
  /** Takes no more commands. */
  leave(): void;
}

/**
 * The whole coordinator in memory: the engine of production over a log in memory, on virtual time.
 *
 * Time passes while somebody waits for the coordinator, as fast as nothing is left to do, and stands still otherwise. It
 * holds nothing open and needs no closing.
 */
export class TestingCoordinator {
  /** The coordinator's API, to look and to act. */
  readonly client: AtoneClient;
  /** What puts services of other frameworks on the network and the time of the test; see `AtoneTestingModule`. */
  readonly led: LedKit;
  private readonly world = new MemoryWorld();
  private readonly stubs = new Map<
    string,
    { readonly stub: StubbedService; readonly joined: JoinedService }
  >();
  private memberCount = 0;
  private isVisiting = false;

  constructor() {
    this.client = this.clientOf();
    this.led = new LedKit(this.world, this.client);
  }

  /** Returns a client as a service has it. */
  clientOf(options: Partial<ClientOptions> = {}): AtoneClient {
    const { world } = this;
    return createClient(
      { url: 'http://coordinator.test', ...options },
      {
        send: (request) => world.requests.send(request),
        clock: {
          now: () => world.clock.now(),
          setTimer: (delayMs, callback) => world.pace.timer(delayMs, callback),
        },
        random: world.random,
      },
    );
  }

  /** Returns what leads global transactions, as the code of `service` has it. */
  globalTransactions(options: LedOptions): GlobalTransactions {
    return this.led.globalTransactions(options, this.clientOf({ service: options.service }));
  }

  /** Returns a client of the service that `contract` describes: its methods are called in global transactions. */
  serviceClient<Contract extends object>(contract: Contract): ServiceClient<Contract> {
    return createServiceClient(contract, this.led);
  }

  /**
   * Has a service take part, in sagas and in global transactions: with the handlers and the database that it has, and on the
   * time of the test. The barrier's table must be there.
   *
   * @throws MisuseError as `createParticipant` and `join` do.
   */
  serve<Transaction>({ lane, ...options }: ServeOptions<Transaction>): JoinedService {
    const database = this.led.databaseOf(options.database);
    return this.join(this.led.participant({ ...options, database }), { lane, database });
  }

  /**
   * Brings the commands for a service to `participant`, and enters it in the catalogue.
   *
   * @throws MisuseError when the service is stubbed: it would never be asked.
   */
  join(participant: Participant, options: JoinOptions = {}): JoinedService {
    if (this.stubs.has(participant.service)) {
      throw new MisuseError(bothThere(participant.service));
    }
    return this.enter(participant, options);
  }

  private enter(
    participant: Participant,
    { actions = participant.handlers, lane, database }: JoinOptions,
  ): JoinedService {
    this.memberCount += 1;
    const { network } = this.world;
    const { service } = participant;
    const member: Member = { service, instance: `${service}-${this.memberCount}`, lane, downUntil: 0 };
    const stopAsking = database === undefined ? undefined : this.haveAsk(member, database);
    network.join(member, participant);
    this.world.register(service, instanceOf(member, actions));
    return {
      leave: () => {
        stopAsking?.();
        network.leave(member);
        this.world.deregister(service, member.instance);
      },
    };
  }

  private haveAsk(member: Member, database: LocalDatabase<unknown>): () => void {
    const questions = this.led.questions(member, database);
    member.asker = questions;
    return this.world.addQuestions(questions);
  }

  /**
   * Puts something simple in the place of a service that is not under test. A later stub of the service replaces it.
   *
   * @throws MisuseError when the service itself takes part: the stub would never be asked.
   */
  stub<Contracts extends Readonly<Record<string, ActionContract>>>(
    contracts: Contracts,
    actions: StubbedActions<Contracts>,
  ): StubbedService {
    const stub = stubOf(contracts, actions, (options) =>
      this.led.participant({ ...options, database: this.led.databaseOf(options.database) }),
    );
    this.stubs.get(stub.service)?.joined.leave();
    if (this.world.network.has(stub.service)) {
      throw new MisuseError(bothThere(stub.service));
    }
    this.stubs.set(stub.service, {
      stub,
      joined: this.enter(stub.participant, { database: stub.connection }),
    });
    return stub;
  }

  /** Has something go wrong with the next call of `action`; {@link FaultKind} tells what. */
  failAt(action: ActionContract, kind: FaultKind, options: FaultOptions = {}): PlannedFault {
    const fault = new PlannedFault(action, kind, options);
    this.world.network.faults.push(fault);
    return fault;
  }

  /**
   * Returns which faults have never happened since the last {@link reset}, such as that of a misspelt step. A test whose
   * fault never happens tests nothing: `afterEach(() => expect(atone.missedFaults()).toEqual([]))`.
   */
  missedFaults(): readonly string[] {
    return this.world.network.faults.filter(({ isMissed }) => isMissed).map(({ description }) => description);
  }

  /** Moves time on. What becomes due on the way happens. */
  async advance(duration: Duration): Promise<void> {
    await this.world.pace.advance(durationMs(duration));
  }

  /**
   * Lets time pass until each transaction has ended, or waits for an operator, and no branch is in doubt but for one.
   *
   * @throws Error when that takes more than a day, which names what goes on.
   */
  async quiet(): Promise<void> {
    await this.world.quiet();
  }

  /** Returns what happened to a transaction, a line each, for a snapshot: without ids and times. */
  async history(gid: string): Promise<string> {
    return historyLines(await this.world.transaction(gid));
  }

  /**
   * Ends the coordinator without a word, as a power cut would. Another one is there at once, and takes the transactions
   * over when the lease of the dead one has run out, 6 s later.
   */
  async crashCoordinator(): Promise<void> {
    this.world.crash();
    await this.world.started();
  }

  /** Begins anew with the same services: without transactions, planned faults and effects of stubs. */
  async reset(): Promise<void> {
    for (const { stub } of this.stubs.values()) {
      stub.clear();
    }
    await this.world.reset();
  }

  /**
   * Runs a transaction once undisturbed, and then once for each point at which the coordinator or a participant could
   * crash, each message that could be lost, repeated or late, and each action that could be refused. Checks `invariant` after each run, when all is
   * quiet.
   *
   * Each run begins with {@link reset}. What is in the databases of the services stays, so `run` has to use new keys each
   * time: it is given the number of the run.
   *
   * @throws CrashPointsError that names each run after which something is wrong.
   * @throws MisuseError when a fault that `before` or the runs have planned happens in none of them.
   * @throws MisuseError while another one is under way.
   */
  async everyCrashPoint(
    run: RunTransaction,
    invariant: Invariant,
    options: CrashPointOptions = {},
  ): Promise<CrashPointSummary> {
    if (this.isVisiting) {
      throw new MisuseError(
        'everyCrashPoint is under way at this coordinator: await it before the next one.',
      );
    }
    const { world } = this;
    const crashWorld = {
      setTap: world.network.setTap.bind(world.network),
      reset: () => this.reset(),
      quiet: () => world.quiet(),
      transactions: () => world.transactions(),
      faults: () => world.network.faults,
      lead: (work: () => Promise<unknown>) => world.lead(work),
      troubles: () => world.troubles(),
    };
    this.isVisiting = true;
    try {
      return await visitCrashPoints(crashWorld, { run, invariant, options });
    } finally {
      this.isVisiting = false;
    }
  }
}

/** Returns a coordinator in memory. */
export function createTestingCoordinator(): TestingCoordinator {
  return new TestingCoordinator();
}

function bothThere(service: string): string {
  return `The service '${service}' is both stubbed and there itself, and only one can be asked: leave out the stub, or the service.`;
}

function instanceOf({ instance, lane }: Member, actions: readonly RegisteredAction[]): ParticipantInstance {
  return {
    instance,
    // Nobody calls it: what is sent to the service is brought to the participant in this process.
    baseUrl: 'http://participant.test',
    kind: 'library',
    ...(lane === undefined ? {} : { lane }),
    protocol: PROTOCOL_VERSION,
    actions: actions.map(({ contract, compensate, retry }) => ({
      name: contract.name,
      hasCompensation: compensate !== undefined,
      ...(retry === undefined ? {} : { retry }),
    })),
  };
}
