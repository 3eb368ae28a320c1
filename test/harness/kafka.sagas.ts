import { Catalogue, DEFAULT_ENGINE_OPTIONS, Engine, type Clock } from '@atone/engine';
import { MemoryCatalogueStore, MemoryLog, SeededRandom } from '@atone/engine/testing';
import type { KafkaClient } from '@atone/kafka';
import { action, contract, createParticipant, RefusedError } from '@atone/participant';
import { startKafkaCommands, type KafkaCommands, type KafkaCommandsOptions } from '@atone/participant/kafka';
import { MemoryDatabase, type MemoryTransaction } from '@atone/participant/testing';
import { KafkaTransport } from '@atone/transport-kafka';
import { z } from 'zod';
import { SteppedWorld } from './stepped.world.js';

export const SERVICES = ['stock', 'pay'] as const;
/** By which they trust each other. */
export const KEY = { keyId: 'k1', secret: 'a secret' };
const PARTITIONS = { partitionCount: 6, replicationFactor: 1 };
const SILENT = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** Where sagas are played. */
export interface KafkaScene<Client extends KafkaClient> {
  readonly clock: Clock;
  /** Is told who connects: `coordinator`, or a service. */
  readonly connect: (who?: string) => Client;
  /** Lets some time pass. */
  readonly pass: () => Promise<void>;
  /** What the names of all topics and groups begin with. */
  readonly prefix: string;
  /** Which log the coordinators keep, where there are several. */
  readonly own?: OwnLog;
}

/** A log that is told from others. */
interface OwnLog {
  readonly logId: string;
  /** By what its gids are drawn. */
  readonly seed: number;
  /** Told what its coordinators and services warn of. */
  readonly onWarning: (who: string, message: string) => void;
}

export interface KafkaCoordinator {
  readonly engine: Engine;
  readonly transport: KafkaTransport;
}

/** Sagas of two steps over Kafka. */
export class KafkaSagas<Client extends KafkaClient> extends SteppedWorld {
  /** Whose payment is refused. */
  readonly refused = new Set<string>();
  private readonly log: MemoryLog;
  private readonly catalogue: Catalogue;
  private readonly random: SeededRandom;
  private readonly databases = new Map(SERVICES.map((service) => [service, new MemoryDatabase()]));
  private readonly coordinators: KafkaCoordinator[] = [];
  private readonly participants: KafkaCommands[] = [];
  private readonly clients: Client[] = [];
  private instanceCount = 0;

  constructor(private readonly scene: KafkaScene<Client>) {
    super(scene.pass);
    this.random = new SeededRandom(scene.own?.seed ?? 1);
    this.log = new MemoryLog(scene.clock);
    this.catalogue = new Catalogue(new MemoryCatalogueStore(scene.clock));
  }

  /** Creates the topics of coordinators, and starts the services with so many instances each. */
  async open({ instanceCount }: { readonly instanceCount: number }): Promise<this> {
    const replies = { name: `${this.scene.prefix}.replies`, ...PARTITIONS };
    await this.through(this.connect('coordinator').createTopics([replies]));
    for (const service of SERVICES) {
      for (let count = 0; count < instanceCount; count += 1) {
        // oxlint-disable-next-line no-await-in-loop -- the first one creates the topics.
        await this.through(this.participant(service));
      }
    }
    return this;
  }

  async coordinator(): Promise<KafkaCoordinator> {
    const instanceId = `coordinator-${this.coordinators.length + 1}`;
    const { catalogue, scene } = this;
    const { clock, own, prefix } = scene;
    const client = this.connect('coordinator');
    const transport = new KafkaTransport({
      client,
      clock,
      catalogue,
      instanceId,
      logId: own?.logId,
      prefix,
      signingKey: KEY,
      onOther: (_record, otherLogId) => own?.onWarning('coordinator', otherLogId),
    });
    const ports = { log: this.log, transport, catalogue, clock, random: this.random, logger: SILENT };
    const engine = new Engine(ports, { ...DEFAULT_ENGINE_OPTIONS, instanceId });
    await transport.start();
    await engine.start();
    const coordinator = { engine, transport };
    this.coordinators.push(coordinator);
    return coordinator;
  }

  /** Starts an instance of a service, and returns its client and what has nobody close it in the end. */
  async participant(
    service: (typeof SERVICES)[number],
  ): Promise<{ readonly client: Client; readonly forget: () => void }> {
    const client = this.connect(service);
    const { clock, own, prefix } = this.scene;
    const commands = await startKafkaCommands({
      participant: createParticipant({
        service,
        database: this.databaseOf(service).connect(),
        handlers: [this.handlerOf(service)],
      }),
      client,
      prefix,
      keys: [KEY],
      createTopics: PARTITIONS,
      clock,
      ...(own === undefined ? {} : sideOf(own, service)),
    });
    this.participants.push(commands);
    this.instanceCount += 1;
    await this.catalogue.register(service, {
      instance: `${service}-${this.instanceCount}`,
      kind: 'library',
      protocol: 1,
      kafka: commands.kafka,
      actions: [{ name: 'do', hasCompensation: true }],
    });
    const forget = (): void => {
      this.participants.splice(this.participants.indexOf(commands), 1);
      this.clients.splice(this.clients.indexOf(client), 1);
    };
    return { client, forget };
  }

  /** Starts a saga of one step at each service, and returns its gid. */
  async submit(engine: Engine, name = 'order'): Promise<string> {
    const steps = SERVICES.map((service) => ({ name: service, service, action: 'do', input: { name } }));
    const { gid } = await this.through(engine.submit({ submission: { name: 'order', steps } }));
    return gid;
  }

  async stateOf(gid: string): Promise<string | undefined> {
    return (await this.log.get(gid))?.state;
  }

  /** Waits until all of the transactions have ended, and returns how each did. */
  async ended(gids: readonly string[]): Promise<readonly (string | undefined)[]> {
    const states = async (): Promise<readonly (string | undefined)[]> =>
      Promise.all(gids.map(async (gid) => this.stateOf(gid)));
    await this.until(async () =>
      (await states()).every((state) => state === 'committed' || state === 'aborted'),
    );
    return states();
  }

  /** What each service has done and undone for the transactions, in order. */
  effects(gid: string): Readonly<Record<string, readonly string[]>> {
    return Object.fromEntries(
      SERVICES.map((service) => [
        service,
        this.databaseOf(service)
          .entries.map(String)
          .filter((entry) => entry.startsWith(gid))
          .map((entry) => entry.slice(gid.length + 1)),
      ]),
    );
  }

  async end(): Promise<void> {
    await this.through(Promise.all(this.coordinators.map(async ({ engine }) => engine.stop())));
    await this.through(Promise.all(this.participants.map(async (commands) => commands.close())));
    await this.through(Promise.all(this.clients.map(async (client) => client.close())));
  }

  private connect(who: string): Client {
    const client = this.scene.connect(who);
    this.clients.push(client);
    return client;
  }

  private databaseOf(service: (typeof SERVICES)[number]): MemoryDatabase {
    return this.databases.get(service) ?? new MemoryDatabase();
  }

  private handlerOf(
    service: (typeof SERVICES)[number],
  ): Parameters<typeof createParticipant<MemoryTransaction>>[0]['handlers'][number] {
    const input = z.object({ name: z.string() });
    return {
      contract: contract(service, { do: action({ input, output: z.null() }) }).do,
      run: async (given, { gid, transaction }) => {
        const { name } = given as z.infer<typeof input>;
        if (service === 'pay' && this.refused.has(name)) {
          throw new RefusedError('no credit');
        }
        transaction.record(`${gid} done`);
        return null;
      },
      compensate: async ({ gid, transaction }) => transaction.record(`${gid} undone`),
    };
  }
}

/** What a service has of its log: a coordinator that names it, and somewhere to warn. */
function sideOf(
  { logId, onWarning }: OwnLog,
  service: string,
): Pick<KafkaCommandsOptions, 'coordinator' | 'log'> {
  const life = { logNumber: 0, epoch: 1, now: new Date(0).toISOString(), timeoutMaxMs: 1_000 };
  return {
    coordinator: { logInfo: async () => ({ ...life, logId }) },
    log: { warn: (fields, message) => onWarning(service, `${message}: ${JSON.stringify(fields)}`) },
  };
}
