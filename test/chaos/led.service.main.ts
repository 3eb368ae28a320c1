import { createServiceClient } from '@atone/participant';
import { purse, seats, type Taking } from '../harness/booking.contracts.js';
import { ledgerHandler } from '../harness/booking.ledger.js';
import { participate, serviceCalls, setting } from './led.participation.js';

/*
 * A participant: SERVICE=purse takes money at once and gives it back when it is told to; SERVICE=seats holds first.
 */

const holds = createServiceClient(seats, { calls: serviceCalls() });

const pay = ledgerHandler(purse.pay, async (payment: { readonly seats: readonly Taking[] }) => {
  await Promise.all(payment.seats.map((taking) => holds.hold(taking)));
});

await participate([setting('SERVICE') === 'purse' ? pay : ledgerHandler(seats.hold)]);
