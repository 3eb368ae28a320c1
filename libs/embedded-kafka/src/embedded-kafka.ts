import { rm } from 'node:fs/promises';
import { delimiter } from 'node:path';
import { PortInUseError } from './embedded-kafka.error.js';
import { freePorts, isFree } from './free-ports.js';
import { jarCacheFolder, obtainJars } from './jar.cache.js';
import { KAFKA_VERSION } from './jar.list.js';
import { findJava } from './java.locator.js';
import { openFolder, prepareFolder, whenUnused, type JavaCommand, type KafkaFolder } from './kafka.folder.js';
import { launchBroker, type BrokerProcess } from './kafka.process.js';
import { watchOver } from './kafka.watch.js';
import { mavenRepository } from './maven.repository.js';
import { startupError } from './startup-failure.js';

export interface StartKafkaOptions {
  /** The folder for the data, made if absent. It keeps them between runs. */
  readonly dataDir: string;
  /** The port on 127.0.0.1; a free one by default. */
  readonly port?: number;
  /** Settings of the broker, such as `auto.create.topics.enable`, over the defaults. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Takes a sentence when something slow happens; silent by default. */
  readonly log?: (line: string) => void;
}

/** An Apache Kafka of our own, of one broker. It ends with this program, however that ends. */
export interface EmbeddedKafka {
  /** Where clients find it, as in `['127.0.0.1:23456']`. The same at each restart. */
  readonly brokers: readonly string[];
  /** The folder with its data and its `server.log`. */
  readonly dataDir: string;
  /** As in `4.1.2`. */
  readonly version: string;
  /** Another one after each restart. */
  readonly pid: number;
  /** Sends a signal, SIGKILL by default, and then waits until it is gone. SIGSTOP pauses it, and SIGCONT has it go on. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /**
   * Starts it again at the same port with what it has stored, and stops it before if it runs.
   *
   * @throws PortInUseError, NoDiskSpaceError, ServerStartError
   */
  restart(): Promise<void>;
  /** Stops it for good. */
  stop(): Promise<void>;
}

/** Of JVMs: small and quick to start rather than fast in the long run. */
const JVM_OPTIONS = ['-Xms64m', '-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'];

/** Without it the one line that says why a broker ends is lost, and with more its log would fill the disk. */
const LOG_OPTION = '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn';

/** How often to try other ports if somebody takes one of ours in the moment before the broker does. */
const PORT_ATTEMPTS_MAX = 5;

/** A broker whose program was killed stops within a moment. */
const OLD_BROKER_WAIT_MS = 30_000;

/**
 * Starts Apache Kafka on a folder. Fetches it the first time on this machine.
 *
 * @throws NoJavaError, DownloadFailedError, WrongJarError, FolderInUseError, PortInUseError, NoDiskSpaceError, ServerStartError
 */
export async function startKafka(options: StartKafkaOptions): Promise<EmbeddedKafka> {
  return startOn(options);
}

/**
 * Removes the folder of a broker with all that it has stored. Waits for one whose program has just died.
 *
 * @throws FolderInUseError
 */
export async function removeKafka(dataDir: string): Promise<void> {
  const folder = await openFolder(dataDir);
  await whenUnused(folder, OLD_BROKER_WAIT_MS);
  await rm(folder.root, { recursive: true, force: true });
}

/** Starts it. Where there is something to clean up behind it, its folder goes with it, and also with this process. */
export async function startOn({
  cleanUp,
  dataDir,
  log,
  port,
  settings = {},
}: StartKafkaOptions & { readonly cleanUp?: () => Promise<void> }): Promise<EmbeddedKafka> {
  const java = await javaCommand(log);
  const folder = await openFolder(dataDir);
  await whenUnused(folder, OLD_BROKER_WAIT_MS);
  // Before the broker, so that there is never one that nobody watches over.
  const dismissWatch = watchOver(folder.root, cleanUp === undefined ? 'kept' : 'removed');
  const start = { folder, java, settings };
  try {
    const started = await startAtSomePort(start, port);
    const afterwards = async () => {
      dismissWatch();
      await cleanUp?.();
    };
    return new RunningKafka({ ...start, ...started, afterwards });
  } catch (cause) {
    dismissWatch();
    throw cause;
  }
}

async function javaCommand(log: StartKafkaOptions['log']): Promise<JavaCommand> {
  // First, for nothing is fetched where it cannot be run.
  const java = await findJava();
  const repository = await mavenRepository();
  const jars = await obtainJars({
    cache: jarCacheFolder(),
    repository,
    ...(log === undefined ? {} : { log }),
  });
  return [java.path, ...JVM_OPTIONS, LOG_OPTION, '-cp', jars.join(delimiter)];
}

/** What stays the same at each start of a broker. */
interface Start {
  readonly folder: KafkaFolder;
  readonly java: JavaCommand;
  readonly settings: Readonly<Record<string, string>>;
}

interface Ports {
  readonly port: number;
  readonly controllerPort: number;
}

interface Started extends Ports {
  readonly broker: BrokerProcess;
}

async function startAtSomePort(start: Start, wanted: number | undefined): Promise<Started> {
  for (let attempt = 1; ; attempt += 1) {
    // oxlint-disable no-await-in-loop -- tries again only when the last try says that it may help
    const [controllerPort = 0, free = 0] = await freePorts(2);
    const ports = { port: wanted ?? free, controllerPort };
    try {
      return { ...ports, broker: await startAt(start, ports) };
    } catch (cause) {
      const isHopeless = !(cause instanceof PortInUseError) || cause.port === wanted;
      if (isHopeless || attempt === PORT_ATTEMPTS_MAX) {
        throw cause;
      }
    }
    // oxlint-enable no-await-in-loop
  }
}

async function startAt({ folder, java, settings }: Start, ports: Ports): Promise<BrokerProcess> {
  // Else the answers of whoever has the port would be taken for the broker's.
  if (!(await isFree(ports.port))) {
    throw new PortInUseError(ports.port);
  }
  await prepareFolder(folder, { java, ...ports, settings });
  const launch = await launchBroker({ folder, java, port: ports.port });
  if ('failure' in launch) {
    throw startupError(launch.failure, folder.root);
  }
  return launch.broker;
}

interface RunningParts extends Start, Started {
  /** What is left to do when it was stopped for good. */
  readonly afterwards: () => Promise<void>;
}

class RunningKafka implements EmbeddedKafka {
  readonly version = KAFKA_VERSION;
  readonly brokers: readonly string[];
  readonly dataDir: string;
  private broker: BrokerProcess;
  private stopping: Promise<void> | undefined;

  constructor(private readonly parts: RunningParts) {
    this.broker = parts.broker;
    this.dataDir = parts.folder.root;
    this.brokers = [`127.0.0.1:${parts.port}`];
  }

  get pid(): number {
    return this.broker.pid;
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await this.broker.signal(signal);
  }

  async restart(): Promise<void> {
    await this.broker.stop();
    this.broker = await startAt(this.parts, this.parts);
  }

  stop(): Promise<void> {
    this.stopping ??= this.broker.stop().then(() => this.parts.afterwards());
    return this.stopping;
  }
}
