import { Catalogue, DEFAULT_ENGINE_OPTIONS, Engine, viewOf, type Clock } from '@atone/engine';
import { MemoryCatalogueStore, MemoryLog, SeededRandom } from '@atone/engine/testing';
import type { KafkaClient } from '@atone/kafka';
import {
  contract,
  createParticipant,
  createPortDirectory,
  createPortDoubtSweeper,
  createPortGlobalTransactions,
  createPortLedRuntime,
  createPortServiceCalls,
  createServiceClient,
  RefusedError,
  systemClock,
  tryAction,
  type ActionHandler,
  type GlobalTransactions,
  type GlobalTransactionsOptions,
  type LedPorts,
  type ServiceCalls,
  type ServiceClient,
} from '@atone/participant';
import {
  createKafkaCalls,
  startKafkaCommands,
  type CountedKafkaCalls,
  type KafkaCommands,
} from '@atone/participant/kafka';
import { MemoryDatabase, type MemoryTransaction } from '@atone/participant/testing';
import { LED_TIMEOUT_MAX_MS, type ParticipantView } from '@atone/protocol';
import { KafkaTransport } from '@atone/transport-kafka';
import { z } from 'zod';
import { SteppedWorld } from './stepped.world.js';

const KEY = { keyId: 'k1', secret: 'a secret' };
const PARTITIONS = { partitionCount: 4, replicationFactor: 1 };
const SILENT = { info: () => undefined, warn: () => undefined, error: () => undefined };
/** The price of what nobody can pay. */
export const TOO_DEAR = 1_000;

const Price = z.object({ cents: z.int() });
const hotel = contract('hotel', { hold: tryAction({ input: Price, output: Price }) });
const bank = contract('bank', { hold: tryAction({ input: Price, output: Price }) });

const SERVICES = ['hotel', 'bank'] as const;
type Service = (typeof SERVICES)[number];

/** Where trips are played. */
export interface TripScene<Client extends KafkaClient> {
  readonly clock: Clock;
  readonly connect: () => Client;
  /** Lets some time pass. */
  readonly pass: () => Promise<void>;
  /** What the names of all topics and groups begin with. */
  readonly prefix: string;
}

type Effects = Readonly<Record<Service, readonly string[]>>;

/** An instance of the service that leads. */
export interface Desk<Client> {
  readonly transactions: GlobalTransactions;
  readonly hotel: ServiceClient<typeof hotel>;
  readonly calls: CountedKafkaCalls;
  readonly client: Client;
  /** It says nothing to the coordinator any more, and nobody closes its client in the end. */
  readonly die: () => void;
}

/** Trips whose desk calls a hotel, which calls the bank; all of it over Kafka, and there is no other way. */
export class KafkaTrips<Client extends KafkaClient> extends SteppedWorld {
  /** How long the handler of the hotel takes. */
  hotelMs = 0;
  private readonly log: MemoryLog;
  private readonly catalogue: Catalogue;
  private readonly entries: ParticipantView[] = [];
  private readonly random = new SeededRandom(1);
  private readonly databases: Readonly<Record<Service, MemoryDatabase>>;
  private closing: { readonly client: Client; readonly close: () => Promise<void> }[] = [];
  private readonly ports: LedPorts;
  private engine: Engine | undefined;

  constructor(private readonly scene: TripScene<Client>) {
    super(scene.pass);
    const { clock } = scene;
    this.log = new MemoryLog(clock);
    this.catalogue = new Catalogue(new MemoryCatalogueStore(clock));
    this.ports = {
      clock,
      time: { now: () => clock.now(), instant: (ms) => systemClock.instant(ms) },
      random: this.random,
    };
    this.databases = {
      hotel: new MemoryDatabase(undefined, clock),
      bank: new MemoryDatabase(undefined, clock),
    };
  }

  /** Starts a coordinator, and so many instances of each service. */
  async open({ instanceCount }: { readonly instanceCount: number }): Promise<this> {
    await this.through(this.coordinator());
    for (const service of SERVICES) {
      for (let count = 0; count < instanceCount; count += 1) {
        // oxlint-disable-next-line no-await-in-loop -- the first one creates the topics.
        await this.through(this.participant(service));
      }
    }
    return this;
  }

  /** Starts an instance of the service that leads, and waits until it would hear of answers. */
  async desk(): Promise<Desk<Client>> {
    const client = this.connect();
    const calls = this.callsOf('trips', client);
    const dead = new Set<Client>();
    const coordinator = this.coordinatorClient(() => dead.has(client));
    const transactions = createPortGlobalTransactions(
      { service: 'trips', coordinator, log: SILENT },
      this.ports,
    );
    const die = (): void => {
      dead.add(client);
      this.closing = this.closing.filter((one) => one.client !== client);
    };
    const desk = {
      transactions,
      hotel: createServiceClient(hotel, { calls: this.made(calls) }),
      calls,
      client,
      die,
    };
    await this.until(() => calls.isReady);
    return desk;
  }

  /** Books a trip, and returns whether it was kept. */
  async book({ transactions, hotel: rooms }: Desk<Client>, cents = 1): Promise<boolean> {
    const booking = transactions.run({ name: 'book-trip' }, async () => rooms.hold({ cents }));
    return booking.then(
      () => true,
      () => false,
    );
  }

  /** Waits until no branch is open, and returns how each transaction has ended that a service has heard of. */
  async settled(): Promise<readonly string[]> {
    const of = (): readonly Effects[] => [...this.effects().values()];
    await this.until(() => of().every((effects) => SERVICES.every((service) => isSettled(effects[service]))));
    return of().map(({ hotel: rooms, bank: money }) => endOf(rooms, money));
  }

  /** What each service has done for the transactions that it has heard of, by gid. */
  effects(): ReadonlyMap<string, Effects> {
    const all = SERVICES.flatMap((service) =>
      this.databases[service].entries.map((entry) => {
        const [gid = '', what = ''] = (entry as string).split(' ');
        return { service, gid, what };
      }),
    );
    const of = (wanted: string, service: Service): readonly string[] =>
      all.filter((entry) => entry.gid === wanted && entry.service === service).map(({ what }) => what);
    const gids = new Set(all.map(({ gid }) => gid));
    return new Map([...gids].map((gid) => [gid, { hotel: of(gid, 'hotel'), bank: of(gid, 'bank') }]));
  }

  async end(): Promise<void> {
    for (const { close } of this.closing.toReversed()) {
      // oxlint-disable-next-line no-await-in-loop -- what came last goes first.
      await this.through(close());
    }
  }

  private async coordinator(): Promise<void> {
    const { catalogue, random, log } = this;
    const { clock, prefix } = this.scene;
    const client = this.connect();
    await client.createTopics([{ name: `${prefix}.replies`, ...PARTITIONS }]);
    const instanceId = 'coordinator-1';
    const transport = new KafkaTransport({ client, clock, catalogue, instanceId, prefix, signingKey: KEY });
    const ports = { log, transport, catalogue, clock, random, logger: SILENT };
    const engine = new Engine(ports, { ...DEFAULT_ENGINE_OPTIONS, instanceId });
    this.engine = engine;
    await transport.start();
    await engine.start();
    this.closing.push({ client, close: async () => engine.stop() });
  }

  private async participant(service: Service): Promise<KafkaCommands> {
    const client = this.connect();
    const { clock, prefix } = this.scene;
    const { ports, random } = this;
    const database = this.databases[service].connect();
    const calls = this.callsOf(service, client);
    const participant = createParticipant({
      service,
      database,
      handlers: [this.handlerOf(service, this.made(calls))],
      runtime: createPortLedRuntime({}, ports),
      clock: ports.time,
      random,
    });
    const doubts = {
      ask: async (asked: Parameters<Engine['doubts']>[0]) => this.requireEngine().doubts(asked),
    };
    const sweeper = createPortDoubtSweeper({ participant, database, doubts }, { clock, random });
    const shared = { client, prefix, keys: [KEY], createTopics: PARTITIONS, clock };
    const commands = await startKafkaCommands({ ...shared, participant });
    sweeper.start();
    const close = async (): Promise<void> => void (await Promise.all([commands.close(), sweeper.stop()]));
    this.closing.push({ client, close });
    await this.enter(service, commands);
    return commands;
  }

  private async enter(service: Service, { kafka }: KafkaCommands): Promise<void> {
    const instance = {
      instance: `${service}-${this.entries.length + 1}`,
      kind: 'library' as const,
      protocol: 1 as const,
      kafka,
      actions: [{ name: 'hold', kind: 'tcc' as const, hasCompensation: true }],
    };
    await this.catalogue.register(service, instance);
    const at = new Date(this.scene.clock.now()).toISOString();
    this.entries.push({ service, registeredAt: at, seenAt: at, ...instance });
  }

  private handlerOf(service: Service, calls: ServiceCalls): ActionHandler<MemoryTransaction> {
    const money = service === 'hotel' ? createServiceClient(bank, { calls }) : undefined;
    return {
      contract: service === 'hotel' ? hotel.hold : bank.hold,
      run: async (input, { gid, transaction }) => {
        const { cents } = Price.parse(input);
        await money?.hold({ cents });
        await this.pause(money === undefined ? 0 : this.hotelMs);
        if (money === undefined && cents === TOO_DEAR) {
          throw new RefusedError('no money');
        }
        transaction.record(`${gid} held`);
        return { cents };
      },
      confirm: async ({ gid, transaction }) => transaction.record(`${gid} sold`),
      compensate: async ({ gid, transaction }) => transaction.record(`${gid} released`),
    };
  }

  private async pause(ms: number): Promise<void> {
    if (ms > 0) {
      await new Promise<void>((resolve) => {
        this.scene.clock.setTimer(ms, resolve);
      });
    }
  }

  private callsOf(service: string, client: Client): CountedKafkaCalls {
    const { clock, prefix } = this.scene;
    const calls = createKafkaCalls({ service, client, prefix, keys: [KEY], createTopics: PARTITIONS, clock });
    this.closing.push({ client, close: async () => calls.close() });
    return calls;
  }

  private made(kafka: CountedKafkaCalls): ServiceCalls {
    const catalogue = { participants: async () => this.entries };
    const reachesTopic = (topic: string): boolean => kafka.reaches(topic);
    const directory = createPortDirectory({ client: catalogue, reachesTopic }, this.scene.clock);
    const ports = { send: refuseRequest, time: this.ports.time };
    return createPortServiceCalls({ directory, kafka, key: KEY }, ports);
  }

  private coordinatorClient(isDead: () => boolean): LedCoordinator {
    const ask = async <Answer>(answer: (engine: Engine) => Answer | Promise<Answer>): Promise<Answer> =>
      isDead() ? new Promise<never>(() => undefined) : answer(this.requireEngine());
    return {
      logInfo: async () =>
        ask((engine) => ({
          ...engine.logLife(),
          now: new Date(this.scene.clock.now()).toISOString(),
          timeoutMaxMs: LED_TIMEOUT_MAX_MS,
        })),
      decide: async (gid, request) =>
        ask(async (engine) => viewOf((await engine.decide(gid, request)).snapshot)),
      registerBranches: async (gid, request) =>
        ask(async (engine) => viewOf(await engine.register(gid, request))),
      notices: async (notices) => ask((engine) => engine.notice(notices)),
    };
  }

  private requireEngine(): Engine {
    if (this.engine === undefined) {
      throw new Error('There is no coordinator yet.');
    }
    return this.engine;
  }

  private connect(): Client {
    const client = this.scene.connect();
    this.closing.push({ client, close: async () => client.close() });
    return client;
  }
}

async function refuseRequest(): Promise<never> {
  throw new Error('There is no way by a request.');
}

type LedCoordinator = GlobalTransactionsOptions['coordinator'];

function countOf(effects: readonly string[], wanted: string): number {
  return effects.filter((what) => what === wanted).length;
}

function isSettled(effects: readonly string[]): boolean {
  return countOf(effects, 'held') === countOf(effects, 'sold') + countOf(effects, 'released');
}

/** A handler that ran again may have left a hold below it that is released. */
function endOf(rooms: readonly string[], money: readonly string[]): string {
  const [soldRooms, soldMoney] = [countOf(rooms, 'sold'), countOf(money, 'sold')];
  const isWhole = soldRooms === soldMoney && soldRooms <= 1;
  return isWhole ? (soldRooms === 1 ? 'kept' : 'undone') : `torn: ${rooms.join(' ')} | ${money.join(' ')}`;
}
