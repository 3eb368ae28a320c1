import type { ParticipantView } from '@atone/protocol';
import type { AtoneClient } from '../client.js';
import type { ElapsedClock } from '../client.ports.js';
import { MisuseError } from '../participant.error.js';

/** Tells where a service takes commands. */
export interface ServiceDirectory {
  /**
   * Returns the base URLs of the instances of `service` that may be asked in `lane`, the best first; never none.
   *
   * @throws MisuseError when nobody can be asked, and why. @throws what the coordinator's client throws.
   */
  instancesOf(service: string, lane: string | undefined): Promise<readonly string[]>;
}

export interface DirectoryOptions {
  /** Where services are, if not where the coordinator's catalogue says. */
  readonly urls?: Readonly<Record<string, string | readonly string[]>> | undefined;
  /** Default: only `urls` are known. */
  readonly client?: Pick<AtoneClient, 'participants'> | undefined;
}

/** For how long the catalogue is not asked again. */
const FRESH_MS = 5_000;
/** An instance renews its entry more often than this. */
const GONE_AFTER_MS = 30_000;

/** Returns a directory of configured services and those of the catalogue. */
export function createPortDirectory(options: DirectoryOptions, clock: ElapsedClock): ServiceDirectory {
  const catalogue = options.client && new Catalogue(options.client, clock);
  return {
    async instancesOf(service, lane) {
      const configured = options.urls?.[service];
      if (configured !== undefined) {
        return typeof configured === 'string' ? [configured] : configured;
      }
      if (catalogue === undefined) {
        throw new MisuseError(
          `Nobody knows where the service '${service}' is: name it in \`urls\`, or pass a \`client\`.`,
        );
      }
      return chooseInstances(service, lane, listening(service, await catalogue.participants(service)));
    },
  };
}

/** An instance that takes requests. */
type Listening = ParticipantView & { readonly baseUrl: string };

function listening(service: string, instances: readonly ParticipantView[]): readonly Listening[] {
  const found = instances.filter((instance): instance is Listening => instance.baseUrl !== undefined);
  if (found.length === 0 && instances.length > 0) {
    throw new MisuseError(
      `The service '${service}' takes commands over Kafka alone, and only from coordinators. To be called by other services it ` +
        'has to listen as well: `listen: { port }`.',
    );
  }
  return found;
}

/** The instances of the lane, else those without one; among them those that were seen lately, if any. */
function chooseInstances(
  service: string,
  lane: string | undefined,
  instances: readonly Listening[],
): readonly string[] {
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
  return rank.filter(({ kind }) => kind === 'library').map(({ baseUrl }) => baseUrl);
}

/** By the newest entry, not by a clock of this machine. */
function freshOf(instances: readonly Listening[]): readonly Listening[] {
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
