import { performance } from 'node:perf_hooks';
import {
  createAtoneClient,
  createDoubtSweeper,
  createParticipant,
  createRegistration,
  migrateBarrier,
  startCommandServer,
  type ActionHandler,
  type DoubtSweeper,
  type Duration,
  type LocalDatabase,
  type Participant,
  type SweepReport,
} from '@atone/participant';
import { pgDatabase } from '@atone/participant/pg';
import pg from 'pg';
import { takeErrands } from '../child.errand.js';
import { benchContract } from './led.contract.js';
import { createPassThrough, NO_DATABASE } from './pass-through.barrier.js';

/*
 * The participant of led transactions: the library's command server over handlers that do nothing. Without a database
 * it keeps no barrier, and what is left is the cost of the coordinator and the wire. Started as a process of its own.
 */

export interface LedParticipantSettings {
  readonly coordinatorUrl: string;
  /** Where its barrier is. Absent: it keeps none. */
  readonly databaseUrl?: string | undefined;
}

export type LedParticipantErrand =
  /** Enters itself in the catalogue. */
  | { readonly what: 'start' }
  /** Asks about branches in doubt from now on, as often as this. */
  | { readonly what: 'sweep'; readonly every: Duration }
  /** Asks once about each branch that is in doubt. */
  | { readonly what: 'pass' };

/** What one pass took, and how much of it was waiting for the coordinator. */
export interface Pass {
  readonly report: SweepReport;
  readonly seconds: number;
  readonly askSeconds: number;
}

const CONNECTION_COUNT = 20;

const settings = JSON.parse(process.argv[2] ?? '') as LedParticipantSettings;
const client = createAtoneClient({ url: settings.coordinatorUrl, service: 'bench' });
const doNothing = (): Promise<void> => Promise.resolve();
const handlers: readonly ActionHandler[] = [
  {
    contract: benchContract.hold,
    run: () => Promise.resolve(null),
    confirm: doNothing,
    compensate: doNothing,
  },
  { contract: benchContract.work, run: () => Promise.resolve(null), compensate: doNothing },
];
const database = settings.databaseUrl === undefined ? undefined : await barrierIn(settings.databaseUrl);
const participant =
  database === undefined
    ? createParticipant({ service: 'bench', database: NO_DATABASE, handlers, barrier: createPassThrough() })
    : createParticipant({ service: 'bench', database, handlers, endings: client });

takeErrands(async (errand: LedParticipantErrand) => {
  switch (errand.what) {
    case 'start':
      return start(participant);
    case 'sweep':
      return sweeper(errand.every).start();
    case 'pass':
      return pass();
  }
});

async function barrierIn(url: string): Promise<LocalDatabase<pg.PoolClient>> {
  const found = pgDatabase(new pg.Pool({ connectionString: url, max: CONNECTION_COUNT }));
  await migrateBarrier(found);
  return found;
}

async function start(served: Participant): Promise<void> {
  const { port } = await startCommandServer({ participant: served, port: 0 });
  const baseUrl = `http://127.0.0.1:${port}`;
  const registration = createRegistration({
    client,
    service: 'bench',
    instance: 'bench-1',
    baseUrl,
    actions: handlers,
  });
  registration.start();
  while (!registration.isRegistered) {
    // oxlint-disable-next-line no-await-in-loop -- waiting is what this loop is for.
    await new Promise((resolve) => {
      setTimeout(resolve, 20);
    });
  }
}

function sweeper(every: Duration, doubts: Pick<typeof client, 'ask'> = client): DoubtSweeper {
  if (database === undefined) {
    throw new Error('Without a barrier nothing is in doubt.');
  }
  return createDoubtSweeper({ participant, database, doubts, every });
}

async function pass(): Promise<Pass> {
  let askMs = 0;
  const ask: typeof client.ask = async (doubts) => {
    const from = performance.now();
    const verdicts = await client.ask(doubts);
    askMs += performance.now() - from;
    return verdicts;
  };
  const from = performance.now();
  const report = await sweeper('1h', { ask }).pass();
  return { report, seconds: (performance.now() - from) / 1_000, askSeconds: askMs / 1_000 };
}
