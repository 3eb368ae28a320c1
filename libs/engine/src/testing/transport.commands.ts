import { attemptKey, type BranchCommand } from '@atone/protocol';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { runLimits, whileThereIsTime } from './run.limits.js';
import { TransportBench } from './transport.bench.js';
import { ANSWER_WITHIN_MS, commandTo, type TransportWorld } from './transport.desk.js';
import { ANSWERINGS, TransportModel, type Answering } from './transport.model.js';

const COMMAND_COUNT_MAX = 15;
/** A transport may have no room for more while the answers to these are kept back. */
const HELD_COUNT_MAX = 6;

export interface TransportCommandsTraits {
  readonly noticesNobody: boolean;
  readonly noticesDeathLate: boolean;
  readonly runCount: number;
}

/** Compares a transport, whatever is handed over and whoever comes and goes, with a model of what may come back. */
export function describeTransportCommands(
  makeWorld: () => Promise<TransportWorld>,
  { runCount, ...traits }: TransportCommandsTraits,
): void {
  describe('that is compared with a model', () => {
    test('whatever is handed over and whoever comes and goes, replies come from who was asked', async () => {
      const run = whileThereIsTime(async (script: Iterable<Command>) => {
        const bench = new TransportBench(await makeWorld());
        try {
          await play(bench, new TransportModel(traits), script);
        } finally {
          await bench.end();
        }
      });

      await fc.assert(fc.asyncProperty(scripts, run), runLimits(runCount));
    });

    test('a transport that is being closed gets the answer that was let go before its command came', async () => {
      const bench = new TransportBench(await makeWorld());
      try {
        await play(bench, new TransportModel(traits), letGoBeforeItCame());

        expect(bench.replies.map(({ reply }) => reply.outcome)).toContain('done');
      } finally {
        await bench.end();
      }
    });
  });
}

type Command = fc.AsyncCommand<TransportModel, TransportBench>;

async function play(bench: TransportBench, model: TransportModel, script: Iterable<Command>): Promise<void> {
  await fc.asyncModelRun(() => ({ model, real: bench }), script);
  await new Release().run(model, bench);
  await bench.close();
  expectLegal(bench, model);
}

function expectLegal(bench: TransportBench, model: TransportModel): void {
  const strange = bench.asked.filter(({ command, service }) => !model.mayArrive(command, service));
  const wrong = bench.replies.filter((envelope) => !model.mayReply(envelope, bench.givenTo(envelope)));
  expect({ strange, wrong }).toEqual({ strange: [], wrong: [] });
  const arrived = bench.asked.map(({ command }) => command);
  expect(arrived).toEqual(arrived.map((command) => bench.sentAs(command)));
}

class Start implements Command {
  constructor(private readonly service: string) {}

  check(model: Readonly<TransportModel>): boolean {
    return !model.isListening(this.service);
  }

  async run(model: TransportModel, bench: TransportBench): Promise<void> {
    await bench.start(this.service);
    model.start(this.service);
  }

  toString(): string {
    return `start ${this.service}`;
  }
}

class Kill implements Command {
  constructor(private readonly service: string) {}

  check(model: Readonly<TransportModel>): boolean {
    return model.isListening(this.service);
  }

  async run(model: TransportModel, bench: TransportBench): Promise<void> {
    const mark = bench.mark();
    await bench.kill(this.service);
    await bench.repliedSince(mark, model.kill(this.service));
    expectLegal(bench, model);
  }

  toString(): string {
    return `kill ${this.service}`;
  }
}

interface Draft {
  readonly service: string;
  readonly branch: number;
  readonly op: BranchCommand['op'];
  readonly attempt: number;
  readonly answering: Answering;
  /** How many times it is handed over. */
  readonly count: number;
  readonly isGivenUp: boolean;
}

/** Hands commands over in one turn, and waits for all that must come of it. */
class Send implements Command {
  constructor(private readonly drafts: readonly Draft[]) {}

  check(model: Readonly<TransportModel>): boolean {
    const late = this.drafts.filter(({ answering }) => answering === 'late');
    return model.heldCount() + late.length <= HELD_COUNT_MAX;
  }

  async run(model: TransportModel, bench: TransportBench): Promise<void> {
    const mark = bench.mark();
    const commands = this.drafts.map(commandOf);
    for (const draft of this.drafts.flatMap((one) => Array.from({ length: one.count }, () => one))) {
      const [command, { isGivenUp }] = [commandOf(draft), draft];
      model.send(command, isGivenUp);
      bench.send(command, isGivenUp ? 0 : ANSWER_WITHIN_MS);
    }
    for (const { service, answering } of this.drafts) {
      if (answering === 'throws') {
        model.breakOff(service, commands);
      }
    }
    await bench.askedSince(
      mark,
      commands.filter((command) => model.owesDelivery(command)),
    );
    await bench.repliedSince(mark, commands.filter((command) => model.owesReply(command)).map(attemptKey));
    expectLegal(bench, model);
  }

  toString(): string {
    return `send ${this.drafts.map((draft) => JSON.stringify(draft)).join(' AND ')}`;
  }
}

/** Lets all answers go that are kept back. */
class Release implements Command {
  check(): boolean {
    return true;
  }

  async run(model: TransportModel, bench: TransportBench): Promise<void> {
    const mark = bench.mark();
    const owed = model.release();
    bench.release();
    await bench.repliedSince(mark, owed);
    expectLegal(bench, model);
  }

  toString(): string {
    return 'release';
  }
}

/** What it ends with is not owed to a service that was away, so that all answers are let go while it is on its way. */
function letGoBeforeItCame(): Iterable<Command> {
  const once = { branch: 0, op: 'action', attempt: 1, count: 1, isGivenUp: false } as const;
  // A transport that found nobody there passes the dead one over from then on.
  const findingNobody = new Send([{ ...once, service: 'stock', answering: 'done' }]);
  const leaving = new Send([
    { ...once, service: 'stock', answering: 'late' },
    // Its reply tells that what was handed over with it is on its way.
    { ...once, service: 'nobody', answering: 'done' },
  ]);
  return [new Start('stock'), new Kill('stock'), findingNobody, new Start('stock'), leaving];
}

const draft: fc.Arbitrary<Draft> = fc.record({
  service: fc.constantFrom('stock', 'stock', 'stock', 'pay', 'nobody'),
  branch: fc.nat(1),
  op: fc.constantFrom('action', 'action', 'action', 'compensate', 'close-action', 'close-compensate'),
  attempt: fc.constantFrom(1, 1, 2),
  answering: fc.constantFrom('done', 'done', 'done', 'done', ...ANSWERINGS),
  count: fc.constantFrom(1, 1, 2),
  isGivenUp: fc.constantFrom(false, false, false, true),
});

const scripts: fc.Arbitrary<Iterable<Command>> = fc.commands<TransportModel, TransportBench, false>(
  [
    fc.constantFrom('stock', 'stock', 'pay').map((started) => new Start(started)),
    ...Array.from({ length: 5 }, () =>
      fc.array(draft, { minLength: 1, maxLength: 6 }).map((drafts) => new Send(drafts)),
    ),
    fc.constant(new Release()),
    fc.constantFrom('stock', 'pay').map((killed) => new Kill(killed)),
  ],
  { maxCommands: COMMAND_COUNT_MAX, size: 'max' },
);

/** One attempt is always the same command. */
function commandOf({ service: asked, branch, op, attempt, answering }: Draft): BranchCommand {
  const [branchId, round] = [`${asked}-${branch}`, ANSWERINGS.indexOf(answering) + 1];
  return commandTo(asked, { branchId, op, round, attempt, input: { answering } });
}
