import { currentTransaction } from '@atone/participant';

/** What carries transactions without being asked to. */
export type Carrier = 'fetch' | 'httpService';

/** Which calls of one application carry the transaction around them. */
export interface PropagationRule {
  readonly carriers: ReadonlySet<Carrier>;
  /** Which URLs belong to services that take part. Undefined: all may. */
  readonly to: ((url: URL) => boolean) | undefined;
  /** Which of them are not called but in a transaction. */
  readonly mandatoryTo: ((url: URL) => boolean) | undefined;
}

/** Shared by all copies of this library in the process, as `fetch` is. */
const KEY = Symbol.for('atone.propagation');

const shared = globalThis as { [KEY]?: Set<PropagationRule> };
const rules = (shared[KEY] ??= new Set<PropagationRule>());

/** Lets `rule` hold. Returns what ends it. */
export function addRule(rule: PropagationRule): () => void {
  rules.add(rule);
  return () => void rules.delete(rule);
}

/** Tells whether an application says of this URL that it belongs to a service that takes part. */
export function isNamed(url: URL, carrier: Carrier): boolean {
  return [...rules].some(
    ({ carriers, to, mandatoryTo }) =>
      carriers.has(carrier) && (to?.(url) === true || mandatoryTo?.(url) === true),
  );
}

/** Tells whether an application says of this URL that it must be called in a transaction. */
export function isMandatory(url: URL, carrier: Carrier): boolean {
  return [...rules].some(({ carriers, mandatoryTo }) => carriers.has(carrier) && mandatoryTo?.(url) === true);
}

/**
 * Tells whether a call carries the transaction around it, if there is one.
 *
 * After the end of a transaction only calls of services that are named: they are refused. Of others nobody knows whether they
 * belong to it; a timer that began in a transaction, to send metrics for example, must outlive that.
 */
export function isCarried(url: URL, carrier: Carrier): boolean {
  const mayGoAnywhere = [...rules].some(({ carriers, to }) => carriers.has(carrier) && to === undefined);
  return isNamed(url, carrier) || (mayGoAnywhere && currentTransaction() !== undefined);
}
