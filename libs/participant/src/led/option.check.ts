import { suggestion, unknownName, type OptionNames } from '../node/option.names.js';
import { MisuseError } from '../participant.error.js';
import type { TransactionOptions } from './global.options.js';
import { PROPAGATIONS } from './propagation.js';
import type { CallOptions } from './service.client.js';

const TRANSACTION: OptionNames<TransactionOptions> = {
  name: true,
  timeout: true,
  propagation: true,
  abortOn: true,
  commitOn: true,
  tags: true,
  lane: true,
  wait: true,
  waitTimeout: true,
};

const CALL: OptionNames<CallOptions> = { timeout: true };

/** @throws MisuseError for options of a transaction that are none: types may have been silenced. */
export function refuseUnknownTransactionOptions(transaction: TransactionOptions<never>): void {
  const { name, propagation = 'REQUIRED' } = transaction;
  refuseUnknown(transaction, `the global transaction '${name}'`, TRANSACTION);
  if (!PROPAGATIONS.includes(propagation)) {
    throw new MisuseError(
      `The propagation of the global transaction '${name}' is '${propagation}'. ${suggestion(propagation, PROPAGATIONS)}.`,
    );
  }
}

/** @throws MisuseError for options of a call of `what` that are none. */
export function refuseUnknownCallOptions(what: string, options: CallOptions): void {
  refuseUnknown(options, `the call of ${what}`, CALL);
}

function refuseUnknown(options: object, place: string, known: OptionNames): void {
  const problem = unknownName(options, known);
  if (problem !== undefined) {
    throw new MisuseError(`The options of ${place} cannot work: ${problem}.`);
  }
}
