import type { ParticipantView } from '@atone/protocol';
import type { AtoneClient } from '../client.js';
import type { ElapsedClock } from '../client.ports.js';
import { MisuseError } from '../participant.error.js';

/** How a service is reached: by one way at least. */
export interface ServiceWays {
  /** Of the instances that take requests. */
  readonly baseUrls: readonly string[];
  /** Where commands are taken over Kafka, if they are. */
  readonly topic?: string | undefined;
}

/** Tells where a service takes commands. */
export interface ServiceDirectory {
  /**
   * Returns how those instances of `service` are reached that may best be asked in `lane`.
   *
   * @throws MisuseError when nobody can be asked, and why. @throws what the coordinator's client throws.
   */
  waysTo(service: string, lane: string | undefined): Promise<ServiceWays>;
}

export interface DirectoryOptions {
  /** Where services are, if not where the coordinator's catalogue says. */
  readonly urls?: Readonly<Record<string, string | readonly string[]>> | undefined;
  /** Default: only `urls` are known. */
  readonly client?: Pick<AtoneClient, 'participants'> | undefined;
  /** Tells which topics commands can be sent to. Default: none, and who takes them over Kafka alone cannot be called. */
  readonly reachesTopic?: ((topic: string) => boolean) | undefined;
}

/** For how long the catalogue is not asked again. */
const FRESH_MS = 5_000;
/** An instance renews its entry more often than this. */
const GONE_AFTER_MS = 30_000;

/** Returns a directory of configured services and those of the catalogue. */
export function createPortDirectory(options: DirectoryOptions, clock: ElapsedClock): ServiceDirectory {
  const catalogue = options.client && new Catalogue(options.client, clock);
  return {
    async waysTo(service, lane) {
      const configured = options.urls?.[service];
      if (configured !== undefined) {
        return { baseUrls: typeof configured === 'string' ? [configured] : configured };
      }
      if (catalogue === undefined) {
        throw new MisuseError(
          `Nobody knows where the service '${service}' is: name it in \`urls\`, or pass a \`client\`.`,
        );
      }
      const instances = reachable(await catalogue.participants(service), service, options);
      return waysOf(chooseInstances(service, lane, instances));
    },
  };
}

/** An instance, and what of its ways is open to this process: one at least. */
interface Reachable extends ParticipantView {
  readonly topic: string | undefined;
}

function reachable(
  instances: readonly ParticipantView[],
  service: string,
  { reachesTopic }: DirectoryOptions,
): readonly Reachable[] {
  const found = instances
    .map((instance) => ({ ...instance, topic: topicOf(instance, reachesTopic) }))
    .filter(({ baseUrl, topic }) => baseUrl !== undefined || topic !== undefined);
  if (found.length === 0 && instances.length > 0) {
    throw new MisuseError(
      reachesTopic === undefined
        ? `The service '${service}' takes commands over Kafka alone, and this process has no client of Kafka. Give it one by the ` +
            'option `kafka: kafkaCommands({ client })`, or have that service listen as well: `listen: { port }`.'
        : `The service '${service}' takes commands over Kafka alone, at ${topicsOf(instances)}, where this process sends none: the ` +
            '`prefix` of `kafkaCommands` is another one.',
    );
  }
  return found;
}

function topicOf(
  { kafka }: ParticipantView,
  reachesTopic: DirectoryOptions['reachesTopic'],
): string | undefined {
  return kafka !== undefined && reachesTopic?.(kafka.topic) === true ? kafka.topic : undefined;
}

function topicsOf(instances: readonly ParticipantView[]): string {
  return instances.flatMap(({ kafka }) => (kafka === undefined ? [] : [`'${kafka.topic}'`])).join(', ');
}

/** The instances of a lane share one topic. While that changes, all attempts of a call had better go to the same. */
function waysOf(instances: readonly Reachable[]): ServiceWays {
  const [topic] = instances.flatMap((instance) => instance.topic ?? []).toSorted();
  return { baseUrls: instances.flatMap(({ baseUrl }) => baseUrl ?? []), topic };
}

/** The instances of the lane, else those without one; among them those that were seen lately, if any. */
function chooseInstances(
  service: string,
  lane: string | undefined,
  instances: readonly Reachable[],
): readonly Reachable[] {
  const inLane = instances.filter((instance) => instance.lane === lane);
  const baseline = instances.filter((instance) => instance.lane === undefined);
  const rank = [freshOf(inLane), freshOf(baseline), inLane, baseline].find(({ length }) => length > 0);
  if (rank === undefined) {
    throw new MisuseError(
      instances.length === 0
        ? `The coordinator knows no instance of the service '${service}'. Start it, or correct the name in its contract. One without NestJS has to \`listen\`, or to be announced.`
        : `The service '${service}' has no instance for the lane '${lane ?? ''}', nor one without a lane.`,
    );
  }
  if (rank.every(({ kind }) => kind === 'plain')) {
    throw new MisuseError(
      `The service '${service}' is a plain endpoint, which takes no commands from other services. Call it over HTTP, with ` +
        '`atoneFetch` or `callHttp`, or as a step of a saga.',
    );
  }
  return rank.filter(({ kind }) => kind === 'library');
}

/** By the newest entry, not by a clock of this machine. */
function freshOf(instances: readonly Reachable[]): readonly Reachable[] {
  const newest = Math.max(...instances.map(seenAtMs));
  return instances.filter((instance) => newest - seenAtMs(instance) < GONE_AFTER_MS);
}

function seenAtMs({ seenAt }: ParticipantView): number {
  // oxlint-disable-next-line no-restricted-globals -- it reads what is written, and no clock
  return Date.parse(seenAt);
}

class Catalogue {
  #entries: readonly ParticipantView[] = [];
  #fetchedAt = Number.NEGATIVE_INFINITY;
  #underWay: Promise<void> | undefined;

  constructor(
    private readonly client: Pick<AtoneClient, 'participants'>,
    private readonly clock: ElapsedClock,
  ) {}

  /** What is known serves while a newer answer is on its way, or does not come; for a service that is not known yet it is awaited. */
  async participants(service: string): Promise<readonly ParticipantView[]> {
    const known = this.#entriesOf(service);
    if (this.clock.now() - this.#fetchedAt < FRESH_MS && known.length > 0) {
      return known;
    }
    const fetched = this.#fetch();
    if (known.length > 0) {
      fetched.catch(() => undefined);
      return known;
    }
    await fetched;
    return this.#entriesOf(service);
  }

  #entriesOf(service: string): readonly ParticipantView[] {
    return this.#entries.filter((entry) => entry.service === service);
  }

  #fetch(): Promise<void> {
    this.#underWay ??= this.#ask().finally(() => {
      this.#underWay = undefined;
    });
    return this.#underWay;
  }

  async #ask(): Promise<void> {
    this.#entries = await this.client.participants();
    this.#fetchedAt = this.clock.now();
  }
}
