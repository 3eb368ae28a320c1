import { checkBarrier, migrateBarrier, type CheckOptions } from '../barrier.install.js';
import type { BarrierJanitor } from '../barrier.janitor.js';
import type { AtoneClient } from '../client.js';
import type { ParticipantClock } from '../clock.port.js';
import type { ActionHandler } from '../contract.js';
import type { LocalDatabase } from '../database.port.js';
import type { DoubtSweeper } from '../doubt.sweeper.js';
import type { ParticipantLog } from '../execution.report.js';
import type { LedPorts } from '../led/led.frame.js';
import { createPortLedRuntime } from '../led/run.js';
import type { LedRuntime } from '../led/scope.port.js';
import { BarrierMissingError, BarrierOutdatedError, MisuseError } from '../participant.error.js';
import { createParticipant, type Participant } from '../participant.js';
import { createJanitor } from './janitor.node.js';
import { createLedRuntime } from './led.runtime.js';
import type { ServiceLog } from './service.log.js';
import type { ServiceOptions } from './service.options.js';
import { createDoubtSweeper } from './sweeper.node.js';

/** A service that is about to carry out actions. */
export interface WorkersOptions<Transaction> extends Pick<
  ServiceOptions,
  'service' | 'barrier' | 'parallelMax'
> {
  readonly database: LocalDatabase<Transaction>;
  readonly handlers: readonly ActionHandler<Transaction>[];
  readonly client: AtoneClient;
  readonly log?: ServiceLog | undefined;
  /** Where failed executions are told. Default: `log`. */
  readonly executionLog?: ParticipantLog | undefined;
  /** The clock and the dice of led transactions. Default: the real ones. */
  readonly ledPorts?: LedPorts | undefined;
}

/** What works for a service between its start and its stop. */
export interface ServiceWorkers {
  readonly participant: Participant;
  /** Removes old rows of the barrier from its `start` to its `stop`; undefined where they are to stay. */
  readonly janitor: BarrierJanitor | undefined;
  /** Asks about branches in doubt, from its `start` to its `stop`. */
  readonly sweeper: DoubtSweeper;
}

/**
 * Returns the participant of a service with its janitor and its sweeper, which do nothing yet, once the barrier is there.
 *
 * @throws MisuseError, BarrierMissingError or BarrierOutdatedError, whose message tells what to do.
 */
export async function prepareWorkers<Transaction>(
  options: WorkersOptions<Transaction>,
): Promise<ServiceWorkers> {
  const { service, database, handlers, client, barrier, parallelMax, log } = options;
  const shared = { service, database, endings: client };
  const participant = createParticipant({
    ...shared,
    handlers,
    parallelMax,
    log: options.executionLog ?? log,
    ...machineOf(options),
  });
  const janitor =
    barrier?.cleanUp === false ? undefined : createJanitor({ ...shared, log, ...barrier?.cleanUp });
  const sweeper = createDoubtSweeper({ ...barrier?.doubts, participant, database, doubts: client, log });
  await readyBarrier(options, { cleanUp: janitor !== undefined });
  return { participant, janitor, sweeper };
}

async function readyBarrier<Transaction>(
  { service, database, barrier, log }: WorkersOptions<Transaction>,
  check: CheckOptions,
): Promise<void> {
  try {
    if (barrier?.migrate === true) {
      await migrateBarrier(database);
    }
    await checkBarrier(database, check);
  } catch (error) {
    // What a driver throws names neither the service nor the option: most often the URL of the database was left out.
    if (!isMisuse(error)) {
      log?.error({ service, error: wordsOf(error) }, NO_DATABASE);
    }
    throw error;
  }
}

const NO_DATABASE =
  'the service does not start, because its database could not be asked for the barrier: check what `database` connects to';

function isMisuse(error: unknown): boolean {
  return (
    error instanceof MisuseError ||
    error instanceof BarrierMissingError ||
    error instanceof BarrierOutdatedError
  );
}

/** Node refuses a name with several addresses by an error without a message. */
function wordsOf(error: unknown): string {
  const { message, code } = error as { readonly message?: string; readonly code?: string };
  return message || code || String(error);
}

/** Lists of branches that are too long for an answer go to the coordinator first. */
function machineOf({ client, ledPorts }: Pick<WorkersOptions<never>, 'client' | 'ledPorts'>): {
  readonly runtime: LedRuntime;
  readonly clock?: ParticipantClock;
} {
  const options = { registrar: client };
  return ledPorts === undefined
    ? { runtime: createLedRuntime(options) }
    : { runtime: createPortLedRuntime(options, ledPorts), clock: ledPorts.time };
}
