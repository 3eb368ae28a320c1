import fc from 'fast-check';
import type { BranchReply } from '../saga.event.js';

/** What a participant's own code does when it really runs. */
export type Behaviour =
  'yes' | 'no' | 'no-not-stored' | 'error' | 'error-after-effect' | 'code' | 'gone' | 'not-yet';

/** The behaviours of one op: first the list, one for each execution, then the last one for ever. */
export interface Script {
  readonly first: readonly Behaviour[];
  readonly last: Behaviour;
}

/** What a participant makes of the two behaviours that it remembers. */
export interface Performance {
  readonly takeEffect: () => BranchReply;
  /** Stores the no. */
  readonly refuse: () => BranchReply;
}

export const STORED_NO: BranchReply = { outcome: 'refused', refusal: { reason: 'no', isStored: true } };

/** Has a participant behave, and returns what it answers. */
export function perform(behaviour: Behaviour, { takeEffect, refuse }: Performance): BranchReply {
  switch (behaviour) {
    case 'yes':
      return takeEffect();
    case 'error-after-effect':
      takeEffect();
      return { outcome: 'unknown', error: { class: 'error', message: 'broke after the effect' } };
    case 'no':
      return refuse();
    case 'no-not-stored':
      return { outcome: 'refused', refusal: { reason: 'no', isStored: false } };
    case 'not-yet':
      return { outcome: 'not-yet', retryAfterMs: 0 };
    case 'error':
      return { outcome: 'unknown', error: { class: 'unreachable', message: 'down' } };
    case 'gone':
      return { outcome: 'unknown', error: { class: 'action-gone', message: 'gone' } };
    case 'code':
      return { outcome: 'unknown', error: { class: 'code', message: 'TypeError' } };
  }
}

/** Draws scripts that mostly end in a yes. */
export function scripts(): fc.Arbitrary<Script> {
  const any = fc.constantFrom<Behaviour>(
    'yes',
    'no',
    'no-not-stored',
    'error',
    'error-after-effect',
    'code',
    'gone',
    'not-yet',
  );
  const last = fc.oneof(
    { weight: 5, arbitrary: fc.constant<Behaviour>('yes') },
    { weight: 1, arbitrary: fc.constantFrom<Behaviour>('no', 'no-not-stored', 'error', 'code') },
  );
  return fc.record({ first: fc.array(any, { maxLength: 2 }), last });
}
