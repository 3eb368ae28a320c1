import { createServer, type IncomingMessage } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import {
  createGlobalTransactions,
  createServiceClient,
  currentTransaction,
  outcomeOfError,
  type GlobalTransactionsOptions,
} from '@atone/participant';
import { EXTRA, office, purse, seats, type Booking, type Told } from '../harness/booking.contracts.js';
import { ledgerHandler } from '../harness/booking.ledger.js';
import { participate, serviceCalls, setting } from './led.participation.js';

/*
 * The initiator: `POST /` books, as a led transaction with a branch of its own, and answers what it believes to have become
 * of it.
 */

const EXTRA_TIMEOUT_MS = 100;

/** Longer lists are registered before the commit. */
const BRANCH_COUNT_MAX = 20;

const decisionDelays = new Map<string, number>();

const { participant, client } = await participate([ledgerHandler(office.record)]);
/** A network that may be slow to take a decision. */
const coordinator: GlobalTransactionsOptions['coordinator'] = {
  logInfo: () => client.logInfo(),
  notices: (notices) => client.notices(notices),
  registerBranches: (gid, request) => client.registerBranches(gid, request),
  async decide(gid, request, options) {
    const delayMs = decisionDelays.get(gid) ?? 0;
    // Once: what is sent again finds the network as it should be.
    decisionDelays.delete(gid);
    await pause(delayMs);
    return client.decide(gid, request, options);
  },
};
const calls = serviceCalls(participant);
const services = {
  office: createServiceClient(office, { calls }),
  purse: createServiceClient(purse, { calls }),
  seats: createServiceClient(seats, { calls }),
};
const transactions = createGlobalTransactions({
  service: 'office',
  coordinator,
  branchCountMax: BRANCH_COUNT_MAX,
});

createServer((request, response) => {
  void bodyOf(request)
    .then(async (text) => tell(JSON.parse(text) as Booking))
    .then((told) => response.end(JSON.stringify(told)));
}).listen(Number(setting('PORT')), '127.0.0.1');

async function tell(booking: Booking): Promise<Told> {
  let gid = '';
  try {
    await transactions.run({ name: 'book', timeout: booking.timeoutMs }, async () => {
      gid = currentTransaction()?.gid ?? '';
      decisionDelays.set(gid, booking.decisionDelayMs);
      await book(booking);
    });
    return { gid, outcome: 'committed' };
  } catch (error) {
    const { outcome = 'aborted' } = outcomeOfError(error) ?? {};
    return { gid, outcome, error: String(error) };
  } finally {
    decisionDelays.delete(gid);
  }
}

async function book({ account, amount, holdsBelow, wantsExtra, regrets }: Booking): Promise<void> {
  await services.office.record({ name: account, amount });
  if (holdsBelow > 0) {
    const holds = Array.from({ length: holdsBelow }, () => ({ name: account, amount: amount / holdsBelow }));
    await services.purse.pay({ name: account, amount, seats: holds });
  } else {
    const payment = services.purse.pay({ name: account, amount });
    const hold = services.seats.hold({ name: account, amount });
    // Both are awaited, whatever becomes of one of them.
    await Promise.allSettled([payment, hold]);
    await Promise.all([payment, hold]);
  }
  if (wantsExtra) {
    await services.seats
      .hold({ name: EXTRA, amount: 1 }, { timeout: EXTRA_TIMEOUT_MS })
      .catch(() => undefined);
  }
  if (regrets) {
    throw new Error('The customer has thought better of it.');
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) {
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString();
}
