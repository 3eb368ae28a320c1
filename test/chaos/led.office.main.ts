import { createServer, type IncomingMessage } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { failpoint } from '@atone/core';
import {
  createGlobalTransactions,
  createServiceClient,
  currentTransaction,
  outcomeOfError,
} from '@atone/participant';
import { EXTRA, office, purse, seats, type Booking, type Told } from '../harness/booking.contracts.js';
import { ledgerHandler } from '../harness/booking.ledger.js';
import { participate, serviceCalls, setting } from './led.participation.js';

/*
 * The initiator: `POST /` books, as a led transaction with a branch of its own, and answers what it believes to have become
 * of it. Its failpoints are `office.…`, between the calls and around the request that carries the decision.
 */

const EXTRA_TIMEOUT_MS = 100;

const decisionDelays = new Map<string, number>();

/** A network that can be stopped on either side of the decision. */
const watchedFetch: typeof fetch = async (input, init) => {
  const url = input instanceof Request ? input.url : input.toString();
  const [, gid] = /([^/]+)\/decision/u.exec(url) ?? [];
  if (gid === undefined) {
    return fetch(input, init);
  }
  const delayMs = decisionDelays.get(gid) ?? 0;
  // Once: what is sent again finds the network as it should be.
  decisionDelays.delete(gid);
  await pause(delayMs);
  await failpoint('office.decision.beforeRequest');
  const response = await fetch(input, init);
  await failpoint('office.decision.beforeAnswer');
  return response;
};

const { participant, client } = await participate([ledgerHandler(office.record)], watchedFetch);
const calls = serviceCalls(participant);
const services = {
  office: createServiceClient(office, { calls }),
  purse: createServiceClient(purse, { calls }),
  seats: createServiceClient(seats, { calls }),
};
const transactions = createGlobalTransactions({ service: 'office', coordinator: client });

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
  await failpoint('office.work.beforeFirstCall');
  await services.office.record({ name: account, amount });
  await failpoint('office.work.betweenCalls');
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
  await failpoint('office.work.afterLastCall');
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
