import {
  createAtoneClient,
  createDoubtSweeper,
  createLedRuntime,
  createParticipant,
  createRegistration,
  createServiceCalls,
  createServiceDirectory,
  startCommandServer,
  type ActionHandler,
  type AtoneClient,
  type Participant,
  type ServiceCalls,
  type TransactionDoubts,
} from '@atone/participant';
import { pgDatabase } from '@atone/participant/pg';
import { Pool, type PoolClient } from 'pg';

/** One service of the led world in this process, as its environment says. */
export interface Participation {
  readonly participant: Participant;
  readonly client: AtoneClient;
}

/** Everything has an end soon: what is lost is missed within seconds. */
const CALLS = { patience: '10s', replyTimeout: '2s' } as const;

const LOG = { info: tell, warn: tell, error: tell };

/** Returns a variable of the environment. @throws Error when it is not there. */
export function setting(name: string): string {
  const value = process.env[name];
  if (value === undefined) {
    throw new Error(`${name} is missing.`);
  }
  return value;
}

/** Returns what calls the other services; its own actions are carried out here. */
export function serviceCalls(local?: Participant): ServiceCalls {
  const urls = JSON.parse(setting('SERVICE_URLS')) as Record<string, string>;
  return createServiceCalls({ directory: createServiceDirectory({ urls }), local, ...CALLS });
}

/** Starts a participant with its command server, its entry in the catalogue and its sweeper. */
export async function participate(handlers: readonly ActionHandler<PoolClient>[]): Promise<Participation> {
  const service = setting('SERVICE');
  const port = Number(setting('COMMANDS_PORT'));
  const pool = new Pool({ connectionString: setting('DATABASE_URL'), max: 24 });
  const database = pgDatabase(pool);
  const client = clientOf(service, setting('COORDINATOR_URL'));
  const participant = createParticipant({
    service,
    database,
    handlers,
    endings: client,
    runtime: createLedRuntime({ registrar: client }),
    log: LOG,
  });
  await startCommandServer({ participant, port });
  createRegistration({
    client,
    service,
    instance: 'one',
    baseUrl: `http://127.0.0.1:${port}`,
    actions: handlers,
    log: LOG,
  }).start();
  createDoubtSweeper({ participant, database, doubts: doubtsOf(service), every: '300ms', log: LOG }).start();
  return { participant, client };
}

function doubtsOf(service: string): TransactionDoubts {
  if (process.env['DECIDES_ALONE'] === '1') {
    // A planted bug, for the check to prove itself: past the deadline it undoes without asking.
    return { ask: async (doubts) => doubts.map(({ gid, branchId }) => ({ gid, branchId, verdict: 'undo' })) };
  }
  return clientOf(service, setting('DOUBTS_URL'));
}

function clientOf(service: string, url: string): AtoneClient {
  return createAtoneClient({ service, url, patience: '30s', requestTimeout: '5s' });
}

function tell(fields: object, message: string): void {
  process.stdout.write(`${JSON.stringify({ msg: message, ...fields })}\n`);
}
