import type { TransactionView } from '@atone/protocol';
import { keyOf, type Mishap, type Spot } from './crash.tap.js';

/** One thing that may happen in the course of a transaction. */
export interface CrashPoint {
  /** Names it in every run: `action of charge comes twice #1`. */
  readonly name: string;
  readonly spot: Spot;
  readonly mishap: Mishap;
}

/** Returns all that may happen at the spots that an undisturbed run has passed. */
export function crashPointsOf(
  spots: readonly Spot[],
  transactions: readonly TransactionView[],
): readonly CrashPoint[] {
  return spots.flatMap((spot) =>
    mishapsAt(spot, transactions).map((mishap) => ({ name: nameOfPoint(spot, mishap), spot, mishap })),
  );
}

function mishapsAt({ place, pass }: Spot, transactions: readonly TransactionView[]): readonly Mishap[] {
  switch (place.type) {
    case 'coordinator':
      return ['crashes'];
    case 'participant':
      return place.name === MAY_REFUSE ? ['crashes', 'refuses'] : ['crashes'];
    case 'command': {
      const { op, gid, branchId } = place.command;
      const transaction = transactions.find((candidate) => candidate.gid === gid);
      const isUndone = op === 'action' && pass === 1 && isUndoable(transaction, branchId);
      return [
        'sender-dies-before',
        'sender-dies-after',
        'lost',
        'twice',
        'late',
        ...(isUndone ? (['after-undo'] as const) : []),
      ];
    }
    case 'reply':
      return ['lost', 'twice', 'late'];
  }
}

/** Where the handler would begin, in the transaction of the barrier's row. */
const MAY_REFUSE = 'participant.action.beforeCode';

/** Whether an abort while the step is under way is possible, and undoes it: the pivot is not sent before its end. */
function isUndoable(transaction: TransactionView | undefined, branchId: string): boolean {
  const pivot = transaction?.branches.find((branch) => branch.pivot);
  return (
    transaction !== undefined && (pivot === undefined || comesBefore(transaction, branchId, pivot.branchId))
  );
}

function comesBefore({ branches }: TransactionView, earlier: string, later: string): boolean {
  const { after = [] } = branches.find(({ branchId }) => branchId === later) ?? {};
  return (
    after.includes(earlier) ||
    after.some((between) => comesBefore({ branches } as TransactionView, earlier, between))
  );
}

function nameOfPoint({ place, pass }: Spot, mishap: Mishap): string {
  const key = keyOf(place);
  switch (place.type) {
    case 'coordinator':
      return `coordinator crashes at ${key} #${pass}`;
    case 'participant':
      return mishap === 'refuses'
        ? `${place.command.branchId} refuses #${pass}`
        : `${key.replace(' ', ' crashes at ')} #${pass}`;
    case 'command':
    case 'reply':
      return `${WORDS[mishap](key)} #${pass}`;
  }
}

const WORDS: Readonly<Record<Mishap, (message: string) => string>> = {
  crashes: (message) => `crash at ${message}`,
  refuses: (message) => `refusal at ${message}`,
  lost: (message) => `${message} is lost`,
  twice: (message) => `${message} comes twice`,
  late: (message) => `${message} comes late`,
  'after-undo': (message) => `${message} comes after its undo`,
  'sender-dies-before': (message) => `coordinator crashes before sending ${message}`,
  'sender-dies-after': (message) => `coordinator crashes after sending ${message}`,
};
