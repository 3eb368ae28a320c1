import { suggestion } from '../node/option.names.js';
import { MisuseError } from '../participant.error.js';
import type { TransactionOptions } from './global.options.js';
import type { Propagation } from './propagation.js';
import type { CallOptions } from './service.client.js';

/** Each option, or each value of one, so that a new one does not compile until it is known here. */
type Known<Name extends string> = Readonly<Record<Name, true>>;

const TRANSACTION: Known<keyof TransactionOptions> = {
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

const CALL: Known<keyof CallOptions> = { timeout: true };

const PROPAGATIONS: Known<Propagation> = {
  REQUIRED: true,
  REQUIRES_NEW: true,
  NESTED: true,
  SUPPORTS: true,
  MANDATORY: true,
  NOT_SUPPORTED: true,
  NEVER: true,
};

/** @throws MisuseError for options of a transaction that are none: types may have been silenced. */
export function refuseUnknownTransactionOptions(transaction: TransactionOptions<never>): void {
  const { name, propagation = 'REQUIRED' } = transaction;
  refuseUnknown(transaction, `the global transaction '${name}'`, TRANSACTION);
  if (!Object.hasOwn(PROPAGATIONS, propagation)) {
    throw new MisuseError(
      `The propagation of the global transaction '${name}' is '${propagation}'. ${suggestion(propagation, Object.keys(PROPAGATIONS))}.`,
    );
  }
}

/** @throws MisuseError for options of a call of `what` that are none. */
export function refuseUnknownCallOptions(what: string, options: CallOptions): void {
  refuseUnknown(options, `the call of ${what}`, CALL);
}

function refuseUnknown(options: object, place: string, known: Known<string>): void {
  const unknown = Object.keys(options).find((name) => !Object.hasOwn(known, name));
  if (unknown !== undefined) {
    throw new MisuseError(
      `The options of ${place} cannot work: there is no option '${unknown}'. ${suggestion(unknown, Object.keys(known))}.`,
    );
  }
}
