import {
  createAtoneClient,
  createGlobalTransactions,
  createServiceCalls,
  createServiceClient,
  createServiceDirectory,
  type Duration,
  type TransactionOptions,
} from '@atone/participant';
import { takeErrands } from '../child.errand.js';
import { load, type LoadResult } from '../load.js';
import { benchContract } from './led.contract.js';

/*
 * Leads transactions with two branches by the library's runtime, as the code of a service does. Started as a process of
 * its own.
 */

export interface InitiatorSettings {
  readonly coordinatorUrl: string;
}

export type InitiatorErrand =
  /** Leads transactions, and commits them. */
  | {
      readonly what: 'commit';
      readonly action: LedAction;
      readonly inFlight: number;
      readonly seconds: number;
    }
  /** Calls the branches of transactions, and never decides. */
  | {
      readonly what: 'abandon';
      readonly count: number;
      readonly inFlight: number;
      readonly timeout: Duration;
    };

export type LedAction = keyof typeof benchContract;

const settings = JSON.parse(process.argv[2] ?? '') as InitiatorSettings;
const client = createAtoneClient({ url: settings.coordinatorUrl, service: 'bench-initiator' });
const transactions = createGlobalTransactions({ service: 'bench-initiator', coordinator: client });
const service = createServiceClient(benchContract, {
  calls: createServiceCalls({ directory: createServiceDirectory({ client }) }),
});

takeErrands((errand: InitiatorErrand): Promise<LoadResult | undefined> => {
  switch (errand.what) {
    case 'commit':
      return load(() => commit(errand.action), errand);
    case 'abandon':
      return abandonAll(errand);
  }
});

function commit(action: LedAction): Promise<void> {
  return transactions.run({ name: 'bench' }, () => callBoth(action));
}

async function callBoth(action: LedAction): Promise<void> {
  await service[action]({ amount: 1 });
  await service[action]({ amount: 2 });
}

async function abandonAll(errand: Extract<InitiatorErrand, { what: 'abandon' }>): Promise<undefined> {
  const { count, inFlight, timeout } = errand;
  let begunCount = 0;
  const lane = async (): Promise<void> => {
    while (begunCount < count) {
      begunCount += 1;
      // oxlint-disable-next-line no-await-in-loop -- each lane has one transaction under way.
      await abandon({ name: 'bench', timeout });
    }
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
}

/** Resolves when both branches are done, and leaves them so. */
function abandon(options: TransactionOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const never = async (): Promise<void> => {
      await callBoth('hold');
      resolve();
      await new Promise(() => undefined);
    };
    transactions.run(options, never).catch(reject);
  });
}
