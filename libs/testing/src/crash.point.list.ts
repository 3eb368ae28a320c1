import type { BranchCommand, TransactionView } from '@atone/protocol';
import { keyOf, type Mishap, type Spot } from './crash.tap.js';
import { branchNameOf, isCall, isNested, type LedRequest } from './message.js';

/** Something that happens at a spot. */
export interface Happening {
  readonly spot: Spot;
  readonly mishap: Mishap;
}

/** One thing that may happen in the course of a transaction. */
export interface CrashPoint extends Happening {
  /** Names it in every run: `action of charge comes twice #1`. */
  readonly name: string;
  /** What has happened before, in the same run. */
  readonly after?: Happening | undefined;
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
      return ['crashes', ...insteadOfHandler(place, transactions)];
    case 'question':
      return ['crashes'];
    case 'command':
      return isCall(place.command)
        ? mishapsOfCall(place.command, pass)
        : mishapsOfCommand(place.command, pass, transactions);
    case 'reply':
      return isCall(place.command) ? ['lost'] : ['lost', 'twice', 'late'];
    case 'request':
      return mishapsOfRequest(place.request);
  }
}

function mishapsOfCommand(
  { op, gid, branchId }: BranchCommand,
  pass: number,
  transactions: readonly TransactionView[],
): readonly Mishap[] {
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

/** A handler that calls dies with its participant: that has places of its own. */
function mishapsOfCall(call: BranchCommand, pass: number): readonly Mishap[] {
  return [
    ...(isNested(call) ? [] : (['sender-dies-before', 'sender-dies-after'] as const)),
    'lost',
    'twice',
    'late',
    ...(pass === 1 ? (['after-undo'] as const) : []),
  ];
}

function mishapsOfRequest({ from }: LedRequest): readonly Mishap[] {
  const ofAll = ['lost', 'answer-lost', 'twice'] as const;
  return from === 'participant' ? ofAll : [...ofAll, 'late', 'sender-dies-before', 'sender-dies-after'];
}

/** What a handler may do, where it would begin in the transaction of the barrier's row. */
function insteadOfHandler(
  { name, command }: { readonly name: string; readonly command: BranchCommand },
  transactions: readonly TransactionView[],
): readonly Mishap[] {
  if (name === 'participant.confirm.beforeCode') {
    return isTry(command, transactions) ? ['fails'] : [];
  }
  return name === 'participant.action.beforeCode' ? ['refuses'] : [];
}

/** An action that is no try has no handler for its confirm. */
function isTry({ gid, branchId }: BranchCommand, transactions: readonly TransactionView[]): boolean {
  const transaction = transactions.find((candidate) => candidate.gid === gid);
  return transaction?.branches.find((branch) => branch.branchId === branchId)?.kind === 'tcc';
}

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
      return `${nameOfParticipants(place, mishap)} #${pass}`;
    case 'question':
      return `${key.replace(' ', ' crashes at ')} #${pass}`;
    case 'command':
      return `${isCall(place.command) ? ofInitiator(key, mishap) : WORDS[mishap](key)} #${pass}`;
    case 'request':
      return `${ofInitiator(key, mishap)} #${pass}`;
    case 'reply':
      return `${WORDS[mishap](key)} #${pass}`;
  }
}

function nameOfParticipants(place: Extract<Spot['place'], { type: 'participant' }>, mishap: Mishap): string {
  const { command } = place;
  if (mishap === 'refuses') {
    return `${branchNameOf(command)} refuses`;
  }
  return mishap === 'fails'
    ? `${command.op} of ${branchNameOf(command)} fails`
    : keyOf(place).replace(' ', ' crashes at ');
}

/** A call that comes late may well be answered before: it was sent again. A decision never is, but by a sender that died. */
function ofInitiator(message: string, mishap: Mishap): string {
  const words: Partial<typeof WORDS> = {
    'sender-dies-before': () => `initiator crashes before ${message}`,
    'sender-dies-after': () => `initiator crashes after ${message}`,
    late: () =>
      message.startsWith('call') ? WORDS.late(message) : `initiator crashes, and ${message} comes late`,
  };
  return (words[mishap] ?? WORDS[mishap])(message);
}

const WORDS: Readonly<Record<Mishap, (message: string) => string>> = {
  crashes: (message) => `crash at ${message}`,
  refuses: (message) => `refusal at ${message}`,
  fails: (message) => `failure at ${message}`,
  lost: (message) => `${message} is lost`,
  'answer-lost': (message) => `answer to ${message} is lost`,
  twice: (message) => `${message} comes twice`,
  late: (message) => `${message} comes late`,
  'after-undo': (message) => `${message} comes after its undo`,
  'sender-dies-before': (message) => `coordinator crashes before sending ${message}`,
  'sender-dies-after': (message) => `coordinator crashes after sending ${message}`,
};
