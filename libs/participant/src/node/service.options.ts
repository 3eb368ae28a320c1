import type { SigningKey } from '@atone/protocol';
import type { CleanUpOptions } from '../barrier.janitor.js';
import type { Duration } from '../client.duration.js';
import type { SweepOptions } from '../doubt.sweeper.js';
import { MisuseError } from '../participant.error.js';
import type { CommandSource } from './command.source.js';

/** Where the coordinator is. */
export interface CoordinatorOptions {
  readonly url: string;
  /** Sent as a bearer token. */
  readonly token?: string | undefined;
  /** How long a submission of unknown outcome is repeated. Default: 30 s. */
  readonly patience?: Duration | undefined;
}

/** Where this instance takes commands: at a server of its own, not at the application's. */
export interface ListenOptions {
  /** Default: 127.0.0.1. Any other needs `keys`. */
  readonly host?: string | undefined;
  /** 0 takes any free port. */
  readonly port: number;
  /** The base URL by which the coordinator reaches it. Default: what it listens on, if that is one address. */
  readonly advertise?: string | undefined;
}

/** How the barrier is kept. */
export interface BarrierOptions {
  /** Whether to install the barrier's tables at the start, or bring them up to date. Default: no. */
  readonly migrate?: boolean | undefined;
  /**
   * When rows of transactions that have ended are removed; `false`: never. Default: every minute, those of transactions
   * that ended 24 hours ago or more.
   */
  readonly cleanUp?: CleanUpOptions | false | undefined;
  /**
   * When the coordinator is asked about branches of led transactions whose deadline has passed. Default: every 5 s, 200
   * at once.
   */
  readonly doubts?: SweepOptions | undefined;
}

/** What a service says of itself, in any framework. */
export interface ServiceOptions {
  /** The name by which contracts and plans know this service. */
  readonly service: string;
  /** The secrets by which the coordinator may sign its commands. By the first, this service signs its calls of others. */
  readonly keys?: readonly SigningKey[] | undefined;
  readonly barrier?: BarrierOptions | undefined;
  /** Where the services are that are called by clients, if not where the coordinator's catalogue says. */
  readonly services?: Readonly<Record<string, string | readonly string[]>> | undefined;
  /**
   * Takes commands over Kafka, beside those at `listen` or instead of them, and calls the services that do: `kafkaCommands({ client })` of
   * `@atone/participant/kafka`. Default: no.
   */
  readonly kafka?: CommandSource | undefined;
  /** The colour of traffic that this instance takes. */
  readonly lane?: string | undefined;
  /** For the operators to see. */
  readonly version?: string | undefined;
  /** Unique among the instances of the service. Default: host name, process id, and a random part. */
  readonly instance?: string | undefined;
  /** How many commands run at once, each with a connection of its own. Default: 16. */
  readonly parallelMax?: number | undefined;
}

/**
 * An address like 0.0.0.0 stands for all that the machine has, and the coordinator needs one.
 *
 * @throws MisuseError for such a one without `advertise`.
 */
export function refuseUnknownAddress({ host, advertise }: ListenOptions): void {
  const isEveryAddress = host === '0.0.0.0' || host === '::' || host === '';
  if (isEveryAddress && advertise === undefined) {
    throw new MisuseError(
      `The command server listens on ${host || 'every address'}, which no coordinator can call. Say by which URL it is reached: \`listen: { …, advertise: 'http://payments:9101' }\`.`,
    );
  }
}
