import { isDeepStrictEqual } from 'node:util';
import { describe, test } from '@jest/globals';
import fc from 'fast-check';
import { ROW_FORMAT } from '../log.port.js';
import { ALICE, BOB, CAROL, DAY_MS, Desk, type LogWorld } from './log.desk.js';
import {
  anyIntent,
  intentAmongOthers,
  KEYS,
  newRow,
  rowDraft,
  writeIntent,
  type Intent,
  type RowDraft,
} from './log.intent.js';
import { LogModel } from './log.model.js';
import { Scene, type Operation, type Verdict } from './log.operation.js';
import { runLimits, whileThereIsTime } from './run.limits.js';

/** How many rows a run may have at most: `list` shows them all. */
const ROW_COUNT_MAX = 100;
/** Idempotency keys are remembered at least that long. */
const RUN_MAX_MS = 6 * DAY_MS;
const CALM_COUNT_MAX = 100;
const COMMAND_COUNT_MAX = 25;

/** Compares a log, whatever comes to it, with a model that knows nothing but the port. */
export function describeLogCommands(makeLog: () => Promise<LogWorld>, runCount: number): void {
  describe('that is compared with a model', () => {
    test('whatever instances ask, in turn and at once, the log answers as the port tells', async () => {
      const run = whileThereIsTime(async (script: Iterable<Command>) => {
        const world = await makeLog();
        try {
          await play(world, script);
        } finally {
          await world.end();
        }
      });

      await fc.assert(fc.asyncProperty(scripts, run), runLimits(runCount));
    });
  });
}

type Command = fc.AsyncCommand<LogModel, Desk>;

/** Plays the commands, and compares all that the log then holds. */
async function play(world: LogWorld, script: Iterable<Command>): Promise<void> {
  const [model, desk] = [new LogModel(), new Desk(world)];
  await desk.tick();
  model.epoch = desk.epoch;
  await fc.asyncModelRun(() => ({ model, real: desk }), script);
  for (const verdict of await readAll(new Scene(desk, model))) {
    verdict(model, true);
  }
}

/** One instance asks, and waits for the answer. */
class Ask implements Command {
  constructor(private readonly intent: Intent) {}

  check({ gids }: Readonly<LogModel>): boolean {
    return gids.length < ROW_COUNT_MAX;
  }

  async run(model: LogModel, desk: Desk): Promise<void> {
    const verdict = await this.intent.prepare(new Scene(desk, model)).ask(desk.log);
    verdict(model, true);
  }

  toString(): string {
    return this.intent.title;
  }
}

/** Two ask at the same time: their answers are those of one order or the other. */
class AskAtOnce implements Command {
  constructor(private readonly intents: readonly [Intent, Intent]) {}

  check({ gids }: Readonly<LogModel>): boolean {
    return gids.length < ROW_COUNT_MAX;
  }

  async run(model: LogModel, desk: Desk): Promise<void> {
    const scene = new Scene(desk, model);
    const asked = this.intents.map((intent) => intent.prepare(scene).ask(desk.log));
    const verdicts = await Promise.all(asked);
    model.become(await inSomeOrder(scene, verdicts));
  }

  toString(): string {
    return `at once: ${this.intents.map(({ title }) => title).join(' AND ')}`;
  }
}

/** The connection is cut while a batch is written: all of it has happened, or nothing. */
class AskAndLose implements Command {
  constructor(private readonly intent: Intent) {}

  check({ gids }: Readonly<LogModel>): boolean {
    return gids.length < ROW_COUNT_MAX;
  }

  async run(model: LogModel, desk: Desk): Promise<void> {
    const scene = new Scene(desk, model);
    const write = this.intent.prepare(scene);
    const verdict = await cutOff(write.ask(desk.log), async () => desk.world.interrupt?.());
    await calm(desk);
    if (verdict === undefined) {
      const done = model.copy();
      write.play?.(done);
      model.become(await asRead(scene, [model.copy(), done]));
    } else {
      verdict(model, true);
    }
  }

  toString(): string {
    return `cut off: ${this.intent.title}`;
  }
}

class Advance implements Command {
  constructor(private readonly ms: number) {}

  check({ nowMs }: Readonly<LogModel>): boolean {
    return nowMs + this.ms < RUN_MAX_MS;
  }

  async run(model: LogModel, desk: Desk): Promise<void> {
    await desk.world.advance(this.ms);
    await desk.tick();
    model.nowMs += this.ms;
  }

  toString(): string {
    return `advance ${this.ms}`;
  }
}

/** The log fails over: what was seen of its rows before counts no more. */
class BeginLife implements Command {
  check(): boolean {
    return true;
  }

  async run(model: LogModel, desk: Desk): Promise<void> {
    await desk.world.beginLife();
    await desk.tick();
    model.epoch = desk.epoch;
  }

  toString(): string {
    return 'begin another life';
  }
}

/** A newer version writes a row that this one cannot read. */
class AcceptForeign implements Command {
  constructor(private readonly draft: RowDraft) {}

  check(): boolean {
    return true;
  }

  async run(model: LogModel, desk: Desk): Promise<void> {
    const scene = new Scene(desk, model);
    const row = newRow(scene, { ...this.draft, idempotency: undefined });
    await desk.world.acceptUnknownFormat(row);
    model.accept([scene.known(row)], ROW_FORMAT + 1);
  }

  toString(): string {
    return `accept a foreign row ${JSON.stringify(this.draft)}`;
  }
}

const scripts: fc.Arbitrary<Iterable<Command>> = fc.commands<LogModel, Desk, false>(
  [
    ...Array.from({ length: 6 }, () => anyIntent.map((intent) => new Ask(intent))),
    ...Array.from({ length: 3 }, () =>
      fc.tuple(intentAmongOthers, intentAmongOthers).map((both) => new AskAtOnce(both)),
    ),
    fc.constantFrom(1, 2, 5, 60, 25 * 60).map((minutes) => new Advance(minutes * 60_000)),
    writeIntent.map((intent) => new AskAndLose(intent)),
    fc.constant(new BeginLife()),
    rowDraft.map((draft) => new AcceptForeign(draft)),
  ],
  { maxCommands: COMMAND_COUNT_MAX, size: 'max' },
);

/** Returns the model after two answers in the order in which they can have been given. */
async function inSomeOrder(scene: Scene, verdicts: readonly Verdict[]): Promise<LogModel> {
  const orders = [verdicts, verdicts.toReversed()];
  const candidates = orders.map((order) => ({ model: scene.model.copy(), verdicts: order }));
  const [first, second] = legalOf(candidates);
  if (first === undefined || second === undefined || isDeepStrictEqual(first, second)) {
    return first ?? scene.model;
  }
  return asRead(scene, [first, second]);
}

/** Returns the candidate whose rows, keys and leases are those of the log. */
async function asRead(scene: Scene, candidates: readonly LogModel[]): Promise<LogModel> {
  const verdicts = await readAll(scene);
  const [model = scene.model] = legalOf(candidates.map((candidate) => ({ model: candidate, verdicts })));
  return model;
}

/** Returns the models that take their verdicts; throws why the first does not, if none does. */
function legalOf(
  candidates: readonly { readonly model: LogModel; readonly verdicts: readonly Verdict[] }[],
): readonly LogModel[] {
  const failures: unknown[] = [];
  const legal = candidates.filter(({ model, verdicts }) => {
    try {
      for (const verdict of verdicts) {
        verdict(model, false);
      }
      return true;
    } catch (error) {
      failures.push(error);
      return false;
    }
  });
  if (legal.length === 0) {
    throw failures[0];
  }
  return legal.map(({ model }) => model);
}

/** Asks, and cuts until there is an answer or a rejection. Returns undefined after a rejection. */
async function cutOff(asked: Promise<Verdict>, interrupt: () => Promise<void>): Promise<Verdict | undefined> {
  const watch = { isOver: false };
  const settled = asked
    .catch(() => undefined)
    .finally(() => {
      watch.isOver = true;
    });
  while (!watch.isOver) {
    // oxlint-disable-next-line no-await-in-loop -- the cut may come before there is anything to cut.
    await interrupt();
  }
  return settled;
}

/** Waits until the log answers again. */
async function calm(desk: Desk): Promise<void> {
  for (let count = 0; count < CALM_COUNT_MAX; count += 1) {
    // oxlint-disable-next-line no-await-in-loop -- each try follows from the one before.
    const isCalm = await desk.log.get(desk.newRow().gid).then(
      () => true,
      () => false,
    );
    if (isCalm) {
      return;
    }
  }
  throw new Error('The log has not answered since it was cut off.');
}

/** Reads everything that the log tells, one after the other. */
async function readAll(scene: Scene): Promise<readonly Verdict[]> {
  const reads: readonly Operation[] = [
    scene.list({ limit: 2 * ROW_COUNT_MAX }),
    ...scene.model.gids.map((gid) => scene.get(gid)),
    ...KEYS.map((key) => scene.findKey(key)),
    ...[ALICE, BOB, CAROL].map((id) => scene.owned(id)),
    scene.ended(scene.model.gids),
    scene.drives(scene.model.gids),
    scene.counts(),
    scene.instances(),
  ];
  return Promise.all(reads.map((read) => read.ask(scene.desk.log)));
}
