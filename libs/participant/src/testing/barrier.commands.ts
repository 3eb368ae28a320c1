import type { BranchOp, BranchReply } from '@atone/core';
import type { BranchCommand } from '@atone/protocol';
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Barrier } from '../barrier.port.js';
import type { LocalDatabase } from '../database.port.js';
import { createParticipant, type Participant } from '../participant.js';
import { BranchModel, NO, type Move } from './branch.model.js';
import {
  command,
  createLedger,
  LED_CLOCK,
  LED_RANDOM,
  ledCommand,
  NONCE,
  type Books,
  type LedgerSwitches,
} from './ledger.fixture.js';
import { createPassThrough } from './pass-through.barrier.js';

/** From here on no run begins: whoever is slow plays less, but always something. None is left in the middle. */
const TIME_LIMIT_MS = 10_000;
/** A run that takes longer hangs. Together with the limit it is less than what a test may take. */
const RUN_MAX_MS = 8_000;
const COMMAND_COUNT_MAX = 12;
/** As many moves may come for a branch at once, each to an instance of its own. */
const INSTANCE_COUNT = 4;
/** The last one is a try of a led transaction, and the others belong to a plan. */
const BRANCH_IDS = ['1', '2', '3'] as const;
const LED_BRANCH = BRANCH_IDS.length - 1;

/** A database that has the barrier's table, and the books in which handlers leave their effects there. */
export interface BarrierWorld<Transaction> {
  readonly database: LocalDatabase<Transaction>;
  readonly books: Books<Transaction>;
}

/** Compares a barrier, whatever comes to it in turn and at once, with a model that knows nothing of databases. */
export function describeBarrierCommands<Transaction>(
  open: () => BarrierWorld<Transaction>,
  runCount: number,
): void {
  const against = (barrier?: Barrier<Transaction>) => {
    const startedAt = performance.now();
    return fc.asyncProperty(scripts, async (script) => {
      if (performance.now() - startedAt < TIME_LIMIT_MS) {
        const desk = openDesk(open(), barrier);
        await fc.asyncModelRun(() => ({ model: newBeliefs(), real: desk }), script);
      }
    });
  };

  describe('that is compared with a model', () => {
    test('S4, S5, S6, S7: whatever comes for branches, in turn and at once, ends as one after the other', async () => {
      await fc.assert(against(), { numRuns: runCount, timeout: RUN_MAX_MS });
    });

    test('the comparison finds a participant without a barrier', async () => {
      const barrier = createPassThrough(open().database);

      const found = await fc.check(against(barrier), { numRuns: 50, endOnFailure: true });

      expect(found.failed).toBe(true);
    });
  });
}

/** Who plays: some instances of one service, and the branches that they play for. */
interface Desk {
  readonly instances: readonly { readonly ledger: LedgerSwitches; readonly participant: Participant }[];
  readonly branches: readonly BranchCommand[];
  entriesOf(branch: BranchCommand): Promise<readonly number[]>;
}

/** For each branch all that may be true of it: two answers at once do not always tell which was first. */
type Beliefs = (readonly BranchModel[])[];

interface Play {
  readonly move: Move;
  /** How many times it is sent at the same time. */
  readonly count: number;
}

function openDesk<Transaction>(
  { database, books }: BarrierWorld<Transaction>,
  barrier: Barrier<Transaction> | undefined,
): Desk {
  const instances = Array.from({ length: INSTANCE_COUNT }, () => {
    const ledger = createLedger(database, books);
    const handlers = [ledger.handler, ledger.tryHandler];
    const led = { clock: LED_CLOCK, random: LED_RANDOM };
    return {
      ledger,
      participant: createParticipant({ service: 'ledger', database, handlers, barrier, ...led }),
    };
  });
  const { gid } = command();
  const branches = BRANCH_IDS.map((branchId, index) =>
    (index === LED_BRANCH ? ledCommand : command)({ gid, branchId }),
  );
  return { instances, branches, entriesOf: (branch) => books.entriesOf(branch) };
}

function newBeliefs(): Beliefs {
  return BRANCH_IDS.map(() => [new BranchModel()]);
}

/** Some moves for one branch at once, each at an instance of its own; one alone comes in turn. */
class PlayAtOnce implements fc.AsyncCommand<Beliefs, Desk> {
  constructor(
    private readonly branch: number,
    private readonly plays: readonly Play[],
  ) {}

  check(): boolean {
    return true;
  }

  async run(beliefs: Beliefs, desk: Desk): Promise<void> {
    const branch = desk.branches[this.branch] ?? command();
    const replies = await Promise.all(
      this.plays.map(async (play, index) => replyOf(desk.instances[index], branch, play)),
    );
    const seen = { replies, entries: await desk.entriesOf(branch) };
    beliefs[this.branch] = believable(
      (beliefs[this.branch] ?? []).flatMap((belief) => outcomesOf(belief, this.plays)),
      seen,
    );
  }

  toString(): string {
    const moves = this.plays.map(
      ({ move: { op, round, amount, code, isStray }, count }) =>
        `${count} × ${op} of round ${round} (${amount}, ${code}${isStray ? ', stray' : ''})`,
    );
    return `branch ${this.branch}: ${moves.join(' AND ')}`;
  }
}

/** What comes of moves, as far as it can be seen. */
interface Seen {
  readonly replies: readonly string[];
  readonly entries: readonly number[];
}

interface Outcome extends Seen {
  readonly model: BranchModel;
}

/** Returns what comes of the plays in each order. */
function outcomesOf(belief: BranchModel, plays: readonly Play[]): readonly Outcome[] {
  return ordersOf(plays).map((order) => {
    const model = belief.copy();
    const told = new Map(order.map((one) => [one, model.play(one.move)]));
    return { replies: plays.map((one) => told.get(one) ?? ''), entries: model.effects, model };
  });
}

/** Returns the models that explain what was seen, each once; throws if none does. */
function believable(outcomes: readonly Outcome[], seen: Seen): readonly BranchModel[] {
  expect(outcomes.map(({ replies, entries }) => ({ replies, entries }))).toContainEqual(seen);
  const explaining = outcomes.filter((outcome) =>
    isDeepStrictEqual({ ...seen, model: outcome.model }, outcome),
  );
  return [...new Map(explaining.map(({ model }) => [JSON.stringify(model), model])).values()];
}

/** Returns what the instance answers, by name; repeats at the same time get one answer. */
async function replyOf(
  instance: Desk['instances'][number] | undefined,
  branch: BranchCommand,
  { move, count }: Play,
): Promise<string> {
  if (instance === undefined) {
    throw new Error('There are not that many instances.');
  }
  const { ledger, participant } = instance;
  ledger.refusal = ledger.undoRefusal = ledger.confirmRefusal = move.code === 'refuses' ? NO : undefined;
  ledger.afterWrite =
    ledger.afterUndo =
    ledger.afterConfirm =
      async () => {
        if (move.code === 'throws') {
          throw new Error('down');
        }
      };
  const { op, round, amount, isStray } = move;
  const input = op === 'action' ? { amount } : undefined;
  const asked = { ...branch, op, round, input, nonce: isStray ? 'a-nonce-of-a-lost-row' : NONCE };
  const replies = await Promise.all(
    Array.from({ length: count }, (_, index) => participant.execute({ ...asked, attempt: index + 1 })),
  );
  return [...new Set(replies.map(nameOf))].join(', ');
}

function nameOf(reply: BranchReply): string {
  if (reply.outcome === 'unknown') {
    return reply.error.class;
  }
  if (reply.outcome === 'refused') {
    return `refused: ${reply.refusal.reason}`;
  }
  return reply.outcome === 'undone' && reply.wasEmpty ? 'undone empty' : reply.outcome;
}

function ordersOf<Item>(items: readonly Item[]): readonly (readonly Item[])[] {
  if (items.length === 0) {
    return [[]];
  }
  return items.flatMap((first) =>
    ordersOf(items.filter((item) => item !== first)).map((rest) => [first, ...rest]),
  );
}

/** An undo ends the branch, so that what comes after it tells little. */
const OPS = [
  'action',
  'action',
  'action',
  'close-action',
  'close-action',
  'compensate',
  'close-compensate',
] as const;

/** Nobody closes a call that its initiator makes. */
const LED_OPS = [
  'action',
  'action',
  'action',
  'confirm',
  'confirm',
  'close-confirm',
  'compensate',
  'close-compensate',
] as const;

const playOf = (ops: readonly BranchOp[]): fc.Arbitrary<Play> =>
  fc.record({
    move: fc.record<Move>({
      op: fc.constantFrom(...ops),
      round: fc.integer({ min: 1, max: 3 }),
      amount: fc.constantFrom(5, 5, 5, 7),
      code: fc.constantFrom('works', 'works', 'refuses', 'refuses', 'throws'),
      isStray: fc.constantFrom(false, false, false, true),
    }),
    count: fc.constantFrom(1, 1, 2),
  });

/** A branch and some plays that fit it. */
const playsOf = (length: { minLength: number; maxLength: number }) =>
  fc
    .constantFrom(0, 0, 1, LED_BRANCH, LED_BRANCH)
    .chain((of) => fc.tuple(fc.constant(of), fc.array(playOf(of === LED_BRANCH ? LED_OPS : OPS), length)));

const scripts: fc.Arbitrary<Iterable<fc.AsyncCommand<Beliefs, Desk>>> = fc.commands<Beliefs, Desk, false>(
  [
    ...Array.from({ length: 3 }, () => playsOf({ minLength: 1, maxLength: 1 })),
    playsOf({ minLength: 2, maxLength: INSTANCE_COUNT }),
  ].map((plays) => plays.map(([of, each]) => new PlayAtOnce(of, each))),
  { maxCommands: COMMAND_COUNT_MAX, size: 'max' },
);
