import { setTimeout as delay } from 'node:timers/promises';
import type { KafkaVariables } from '@atone/kafka/connect';
import { createAtoneClient, type AtoneClient } from '@atone/participant';
import { startEmbeddedBrokers, useBrokers, type Brokers } from './brokers.js';
import { spawnChild } from './child.process.js';
import { Cleanup } from './cleanup.js';
import { openDataFolder, wipe, type DataFolder } from './data-folder.js';
import { startEmbedded, useServer, type Databases } from './databases.js';
import { commandOf } from './examples.js';
import type { Ended, Example, Instances, LoadedWork, Work } from './example.js';
import { feed } from './feeder.js';
import { placeOf, type QuickstartOptions } from './options.js';
import { requireFreePorts } from './ports.check.js';
import { planPrograms, portsOf, type Programs } from './programs.js';
import { startProgress } from './progress.js';
import { QuickstartError } from './quickstart.error.js';
import { awaitReady } from './readiness.js';
import {
  countText,
  isWell,
  renderHints,
  renderReport,
  renderViolations,
  type Report,
  type RunFigures,
} from './report.js';
import { takeLock } from './run.lock.js';
import { Supervisor } from './supervisor.js';
import type { Terminal } from './terminal.js';
import { turnsOf } from './turns.js';

export interface QuickstartPlan {
  readonly options: QuickstartOptions;
  readonly example: Example;
  readonly terminal: Terminal;
  /** Aborted when everything has to stop. */
  readonly stop: AbortSignal;
  readonly supervisor: Supervisor;
  /** The server to use instead of one of our own. */
  readonly databaseUrl: string | undefined;
  /** Which client takes part in Kafka, and how its topics are called. */
  readonly kafka: KafkaVariables;
}

/** Children of a killed start end by themselves within this. */
const LEFTOVERS_WAIT_MS = 12_000;

/** `ended`: it stayed up until it was told to stop. `stopped`: it was told so before the work was done. */
export type Outcome = 'well' | 'not-well' | 'ended' | 'stopped';

/**
 * Starts everything, does the work, tells how it went, and stays up unless it is to end. Stops everything in any case.
 *
 * @throws QuickstartError, EmbeddedPostgresError, EmbeddedKafkaError, KafkaError or AtoneClientError with a sentence for people.
 */
export async function runQuickstart(plan: QuickstartPlan): Promise<Outcome> {
  const { options, stop, supervisor } = plan;
  const cleanup = new Cleanup();
  try {
    const report = await Promise.race([reach(plan, cleanup), aborted(stop), supervisor.failed]);
    if (report === undefined) {
      return 'stopped';
    }
    tell(report, plan);
    if (options.exit) {
      return isWell(report) ? 'well' : 'not-well';
    }
    await Promise.race([aborted(stop), supervisor.failed]);
    return 'ended';
  } finally {
    await cleanup.run();
  }
}

function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
}

async function reach(plan: QuickstartPlan, cleanup: Cleanup): Promise<Report> {
  const { options, example, terminal } = plan;
  const work = await example.load(options.orders);
  const folder = await openDataFolder(options.data);
  await takeOver(plan, folder, cleanup);
  // First: where there is no Java for it, nothing else need be started.
  const brokers = await startBrokers(plan, folder, cleanup);
  const databases = await startDatabases(plan, folder, cleanup);
  terminal.say(`${databases.description}.`);
  const startedAt = performance.now();
  const programs = planPrograms({
    options,
    example,
    coordinatorUrl: databases.coordinatorUrl,
    databaseUrls: databases.exampleUrls,
    kafka: brokers?.environment ?? {},
  });
  const clients = clientsOf(programs);
  await startPrograms(plan, { programs, client: clients.patient, logFolder: folder.logs, cleanup });
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
  const who = programs.coordinators.length === 1 ? 'The coordinator' : 'The coordinators';
  terminal.say(`${who} and ${example.title} are up after ${seconds} s.`);
  return doWork(plan, { work, instances: programs.instances, clients, cleanup });
}

/** Makes sure that the folder and the ports are ours, and empty if they have to be. */
async function takeOver(
  { options, example, databaseUrl, kafka }: QuickstartPlan,
  folder: DataFolder,
  cleanup: Cleanup,
) {
  if (options.fresh && databaseUrl !== undefined) {
    throw new QuickstartError(
      `--fresh deletes nothing on the server at ATONE_DATABASE_URL: drop its databases (the coordinator's and ${example.databases.join(', ')}) yourself.`,
    );
  }
  if (options.fresh && Array.isArray(options.kafka) && kafka.ATONE_KAFKA_PREFIX !== undefined) {
    throw new QuickstartError(
      '--fresh deletes nothing at the brokers of --kafka, and the topics with this ATONE_KAFKA_PREFIX hold what earlier runs left. Leave --fresh away, and take another prefix and another folder (--data); or leave ATONE_KAFKA_PREFIX away, and --fresh draws a new one.',
    );
  }
  const lock = await takeLock(folder.lock);
  cleanup.defer(() => lock.release());
  await requireFreePorts(portsOf({ options, example }), lock.wasLeft ? LEFTOVERS_WAIT_MS : 0);
  if (options.fresh) {
    await wipe(folder);
  }
}

async function startBrokers(
  { options, terminal, kafka }: QuickstartPlan,
  folder: DataFolder,
  cleanup: Cleanup,
): Promise<Brokers | undefined> {
  if (options.kafka === undefined) {
    return undefined;
  }
  const starting =
    options.kafka === 'embedded'
      ? startEmbeddedBrokers(folder, kafka, terminal)
      : useBrokers(options.kafka, kafka, folder);
  // Before it is awaited: a stop may come while the broker starts.
  cleanup.defer(async () => {
    const brokers = await starting.catch(() => undefined);
    await brokers?.stop();
  });
  const brokers = await starting;
  terminal.say(`${brokers.description}.`);
  terminal.say(`Services of your own take part with: ${wordsOf(brokers)}`);
  return brokers;
}

function wordsOf({ environment }: Brokers): string {
  const { ATONE_KAFKA_BROKERS: brokers = '', ATONE_KAFKA_PREFIX: prefix } = environment;
  return `ATONE_KAFKA_BROKERS=${brokers}${prefix === undefined ? '' : ` ATONE_KAFKA_PREFIX=${prefix}`}`;
}

async function startDatabases(
  plan: QuickstartPlan,
  folder: DataFolder,
  cleanup: Cleanup,
): Promise<Databases> {
  const { example, databaseUrl, terminal, options } = plan;
  const names = example.databases;
  const starting =
    databaseUrl === undefined
      ? startEmbedded({ folder: folder.postgres, names, instances: options.instances, terminal })
      : useServer(databaseUrl, names);
  // Before it is awaited: a stop may come while the server starts.
  cleanup.defer(async () => {
    const databases = await starting.catch(() => undefined);
    await databases?.stop();
  });
  return starting;
}

interface Starting {
  readonly programs: Programs;
  readonly client: AtoneClient;
  readonly logFolder: string;
  readonly cleanup: Cleanup;
}

/** Starts all programs, and resolves when they are ready. */
async function startPrograms(
  { supervisor }: QuickstartPlan,
  { programs, client, logFolder, cleanup }: Starting,
): Promise<void> {
  const { coordinators, first, others } = programs;
  cleanup.defer(() => supervisor.stop());
  [...coordinators, ...first].forEach(({ plan }) => supervisor.start(plan));
  await awaitReady({ coordinators, services: first, client, logFolder });
  // Later: the first ones make the tables, and two at it would be in each other's way.
  others.forEach(({ plan }) => supervisor.start(plan));
  await awaitReady({ coordinators, services: others, client, logFolder });
}

/** Who talks to the coordinators. */
interface Clients {
  /** Asks the first one until it answers. */
  readonly patient: AtoneClient;
  /** Returns a client of each coordinator in its turn. */
  next(): AtoneClient;
}

function clientsOf({ coordinators }: Programs): Clients {
  const [patient, ...others] = coordinators.map(({ url }) =>
    createAtoneClient({ url, service: 'quickstart' }),
  );
  if (patient === undefined) {
    throw new Error('There is no coordinator.');
  }
  if (others.length === 0) {
    return { patient, next: () => patient };
  }
  // Who does not answer is not asked again before the others were.
  const hasty = coordinators.map(({ url }) => createAtoneClient({ url, service: 'quickstart', patience: 0 }));
  return { patient, next: turnsOf(hasty) };
}

/** Returns a supervisor of real processes, whose words go to `logFolder`. */
export function superviseProcesses(logFolder: string, terminal: Terminal): Supervisor {
  return new Supervisor({
    spawn: (plan) => spawnChild(plan, logFolder),
    now: () => performance.now(),
    // A pause that is cut short is over, not failed.
    sleep: (delayMs, signal) => delay(delayMs, undefined, { signal }).catch(() => undefined),
    warn: (line) => terminal.warn(line),
    logFolder,
  });
}

interface Task {
  readonly work: LoadedWork;
  readonly instances: Instances;
  readonly clients: Clients;
  readonly cleanup: Cleanup;
}

async function doWork(plan: QuickstartPlan, { work, instances, clients, cleanup }: Task): Promise<Report> {
  const workload = await work.open(instances);
  cleanup.defer(() => workload.close());
  // Looked at before anything is filled: the data may be those of other work.
  const works = await workload.remaining();
  await workload.prepare();
  const ended: Ended[] = [];
  const run = await place(plan, { works, totalCount: workload.totalCount, clients, ended });
  const { stuck } = await clients.patient.counts();
  const standing = await workload.standing(ended);
  return {
    noun: plan.example.noun,
    totalCount: workload.totalCount,
    stuckCount: stuck,
    transport: plan.options.kafka === undefined ? 'HTTP' : 'Kafka',
    standing,
    run,
  };
}

interface Placing {
  readonly works: readonly Work[];
  readonly totalCount: number;
  readonly clients: Clients;
  readonly ended: Ended[];
}

async function place(
  plan: QuickstartPlan,
  { works, totalCount, clients, ended }: Placing,
): Promise<RunFigures | undefined> {
  const { terminal, example, options } = plan;
  const { concurrency = example.concurrency } = options;
  const doneCount = totalCount - works.length;
  if (works.length === 0) {
    terminal.say(`All ${countText(totalCount)} ${example.noun} were ${example.verb.done} before.`);
    return undefined;
  }
  const already = doneCount > 0 ? ` after the ${countText(doneCount)} of earlier starts` : '';
  terminal.say(
    `${example.verb.doing} ${countText(works.length)} ${example.noun}${already}, ${concurrency} at a time.`,
  );
  const progress = startProgress({ noun: example.noun, totalCount, doneCount }, terminal);
  plan.stop.addEventListener('abort', () => progress.end(), { once: true });
  const startedAt = performance.now();
  const onEnded = (one: Ended) => {
    ended.push(one);
    progress.step();
  };
  try {
    const ports = {
      nextClient: () => clients.next(),
      now: () => performance.now(),
      sleep: (delayMs: number) => delay(delayMs),
    };
    await feed(works, { concurrency, signal: plan.stop, onEnded }, ports);
  } finally {
    progress.end();
  }
  return { latenciesMs: ended.map(({ latencyMs }) => latencyMs), durationMs: performance.now() - startedAt };
}

function tell(report: Report, { terminal, options, databaseUrl }: QuickstartPlan): void {
  const [coordinatorUrl = '', ...others] = urlsOf(options);
  terminal.say(renderReport(report));
  renderViolations(report).forEach((line) => terminal.warn(line));
  renderHints(report, coordinatorUrl).forEach((line) => terminal.warn(line));
  if (options.exit) {
    return;
  }
  terminal.say(
    `\nThe API is at ${coordinatorUrl}/v1/transactions, and its description at ${coordinatorUrl}/docs.`,
  );
  if (others.length > 0) {
    terminal.say(`The other coordinators answer as well: ${others.join(', ')}.`);
  }
  const { committedGid, abortedGid } = report.standing;
  if (committedGid !== undefined) {
    terminal.say(`One that committed:  curl ${coordinatorUrl}/v1/transactions/${committedGid}`);
  }
  if (abortedGid !== undefined) {
    terminal.say(`One that was undone: curl ${coordinatorUrl}/v1/transactions/${abortedGid}`);
  }
  const anew = `${commandOf(options.example)}${placeOf(options)} --fresh`;
  const isOurs = databaseUrl === undefined;
  const howToBeginAnew = isOurs ? `; \`${anew}\` begins anew` : '';
  terminal.say(`Ctrl-C stops everything and keeps the data${howToBeginAnew}.`);
}

function urlsOf({ port, coordinators }: QuickstartOptions): string[] {
  return Array.from({ length: coordinators }, (_, above) => `http://127.0.0.1:${port + above}`);
}
