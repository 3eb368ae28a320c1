import { action, contract, tryAction } from '@atone/participant';
import { z } from 'zod';

const Taking = z.object({ name: z.string(), amount: z.int().positive() });
const Line = z.object({ line: z.int() });
const Payment = Taking.extend({ seats: z.array(Taking).default([]) });

/** Each service keeps a ledger of its own; a booking takes the same amount from each of them, or nothing from any. */
export const office = contract('office', { record: action({ input: Taking, output: Line }) });

/** A payment may hold seats by itself: branches below a branch. */
export const purse = contract('purse', { pay: action({ input: Payment, output: Line }) });

/** Seats are held first, and sold by the confirm. */
export const seats = contract('seats', { hold: tryAction({ input: Taking, output: Line }) });

export type Taking = z.infer<typeof Taking>;

/** What the office is asked for. */
export interface Booking {
  readonly account: string;
  readonly amount: number;
  readonly timeoutMs: number;
  /** How many holds the purse makes by itself; 0: the office makes one. */
  readonly holdsBelow: number;
  /** Also takes an extra, which is refused or late, and without which the booking is as good. */
  readonly wantsExtra: boolean;
  /** Throws in the end. */
  readonly regrets: boolean;
  /** How long the network holds the decision back. */
  readonly decisionDelayMs: number;
}

/** What the office tells of a booking. */
export interface Told {
  readonly gid: string;
  readonly outcome: 'committed' | 'aborted' | 'undecided' | 'unknown';
  readonly error?: string;
}

/** What is taken beside what counts. */
export const EXTRA = 'extra';
