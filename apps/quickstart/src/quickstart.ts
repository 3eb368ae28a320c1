import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createAtoneClient, type AtoneClient } from '@atone/participant';
import { spawnChild } from './child.process.js';
import { Cleanup } from './cleanup.js';
import { openDataFolder, wipe, type DataFolder } from './data-folder.js';
import { startEmbedded, useServer, type Databases } from './databases.js';
import { commandOf } from './examples.js';
import type { Ended, Example, LoadedWork, Surroundings, Work } from './example.js';
import { feed } from './feeder.js';
import { placeOf, REPOSITORY, type QuickstartOptions } from './options.js';
import { requireFreePorts } from './ports.check.js';
import { startProgress } from './progress.js';
import { QuickstartError } from './quickstart.error.js';
import { awaitReady } from './readiness.js';
import { countText, isWell, renderReport, renderViolations, type Report, type RunFigures } from './report.js';
import { takeLock } from './run.lock.js';
import { Supervisor } from './supervisor.js';
import type { Terminal } from './terminal.js';

export interface QuickstartPlan {
  readonly options: QuickstartOptions;
  readonly example: Example;
  readonly terminal: Terminal;
  /** Aborted when everything has to stop. */
  readonly stop: AbortSignal;
  readonly supervisor: Supervisor;
  /** The server to use instead of one of our own. */
  readonly databaseUrl: string | undefined;
}

/** Children of a killed start end by themselves within this. */
const LEFTOVERS_WAIT_MS = 12_000;

/** `ended`: it stayed up until it was told to stop. `stopped`: it was told so before the work was done. */
export type Outcome = 'well' | 'not-well' | 'ended' | 'stopped';

/**
 * Starts everything, does the work, tells how it went, and stays up unless it is to end. Stops everything in any case.
 *
 * @throws QuickstartError, EmbeddedPostgresError or AtoneClientError with a sentence for people.
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
  const databases = await startDatabases(plan, folder, cleanup);
  terminal.say(`${databases.description}.`);
  const startedAt = performance.now();
  const surroundings = startPrograms(plan, databases, cleanup);
  const client = createAtoneClient({ url: surroundings.coordinatorUrl, service: 'quickstart' });
  const healthUrls = example.services(surroundings).map((service) => [service.plan.name, service.healthUrl]);
  await awaitReady({
    coordinatorUrl: surroundings.coordinatorUrl,
    client,
    healthUrls: Object.fromEntries(healthUrls) as Record<string, string>,
    logFolder: folder.logs,
  });
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
  terminal.say(`The coordinator and ${example.title} are up after ${seconds} s.`);
  return doWork(plan, { work, surroundings, client, cleanup });
}

/** Makes sure that the folder and the ports are ours, and empty if they have to be. */
async function takeOver(
  { options, example, databaseUrl }: QuickstartPlan,
  folder: DataFolder,
  cleanup: Cleanup,
) {
  if (options.fresh && databaseUrl !== undefined) {
    throw new QuickstartError(
      `--fresh deletes nothing on the server at ATONE_DATABASE_URL: drop its databases (the coordinator's and ${example.databases.join(', ')}) yourself.`,
    );
  }
  const lock = await takeLock(folder.lock);
  cleanup.defer(() => lock.release());
  const ports = Array.from({ length: 1 + example.portCount }, (_, above) => options.port + above);
  await requireFreePorts(ports, lock.wasLeft ? LEFTOVERS_WAIT_MS : 0);
  if (options.fresh) {
    await wipe(folder);
  }
}

async function startDatabases(
  plan: QuickstartPlan,
  folder: DataFolder,
  cleanup: Cleanup,
): Promise<Databases> {
  const { example, databaseUrl, terminal } = plan;
  const names = example.databases;
  const starting =
    databaseUrl === undefined
      ? startEmbedded({ folder: folder.postgres, names, terminal })
      : useServer(databaseUrl, names);
  // Before it is awaited: a stop may come while the server starts.
  cleanup.defer(async () => {
    const databases = await starting.catch(() => undefined);
    await databases?.stop();
  });
  return starting;
}

function startPrograms(plan: QuickstartPlan, databases: Databases, cleanup: Cleanup): Surroundings {
  const { options, example, supervisor } = plan;
  const surroundings: Surroundings = {
    databaseUrls: databases.exampleUrls,
    coordinatorUrl: urlOf(options),
    firstPort: options.port + 1,
  };
  cleanup.defer(() => supervisor.stop());
  supervisor.start({
    name: 'coordinator',
    entry: join(REPOSITORY, 'apps', 'coordinator', 'dist', 'main.js'),
    environment: { ATONE_DATABASE_URL: databases.coordinatorUrl, ATONE_HTTP_PORT: String(options.port) },
  });
  for (const service of example.services(surroundings)) {
    supervisor.start(service.plan);
  }
  return surroundings;
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
  readonly surroundings: Surroundings;
  readonly client: AtoneClient;
  readonly cleanup: Cleanup;
}

async function doWork(plan: QuickstartPlan, { work, surroundings, client, cleanup }: Task): Promise<Report> {
  const workload = await work.open(surroundings);
  cleanup.defer(() => workload.close());
  // Looked at before anything is filled: the data may be those of other work.
  const works = await workload.remaining();
  await workload.prepare();
  const ended: Ended[] = [];
  const run = await place(plan, { works, totalCount: workload.totalCount, client, ended });
  const { stuck } = await client.counts();
  const standing = await workload.standing(ended);
  return { noun: plan.example.noun, totalCount: workload.totalCount, stuckCount: stuck, standing, run };
}

interface Placing {
  readonly works: readonly Work[];
  readonly totalCount: number;
  readonly client: AtoneClient;
  readonly ended: Ended[];
}

async function place(
  plan: QuickstartPlan,
  { works, totalCount, client, ended }: Placing,
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
    const ports = { client, now: () => performance.now(), sleep: (delayMs: number) => delay(delayMs) };
    await feed(works, { concurrency, signal: plan.stop, onEnded }, ports);
  } finally {
    progress.end();
  }
  return { latenciesMs: ended.map(({ latencyMs }) => latencyMs), durationMs: performance.now() - startedAt };
}

function tell(report: Report, { terminal, options }: QuickstartPlan): void {
  const coordinatorUrl = urlOf(options);
  terminal.say(renderReport(report));
  renderViolations(report).forEach((line) => terminal.warn(line));
  if (options.exit) {
    return;
  }
  terminal.say(
    `\nThe API is at ${coordinatorUrl}/v1/transactions, and its description at ${coordinatorUrl}/docs.`,
  );
  const { committedGid, abortedGid } = report.standing;
  if (committedGid !== undefined) {
    terminal.say(`One that committed:  curl ${coordinatorUrl}/v1/transactions/${committedGid}`);
  }
  if (abortedGid !== undefined) {
    terminal.say(`One that was undone: curl ${coordinatorUrl}/v1/transactions/${abortedGid}`);
  }
  const anew = `${commandOf(options.example)}${placeOf(options)} --fresh`;
  terminal.say(`Ctrl-C stops everything and keeps the data; \`${anew}\` begins anew.`);
}

function urlOf({ port }: QuickstartOptions): string {
  return `http://127.0.0.1:${port}`;
}
