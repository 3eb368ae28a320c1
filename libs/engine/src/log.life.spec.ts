import { beforeEach, describe, expect, test } from '@jest/globals';
import { EngineWorld, happyScript, overriding, planOfSteps, type Script } from './testing/index.js';
import type { StoredRow, TransactionLog } from './log.port.js';

const STEPS = ['create', 'reserve', 'charge'];
const ABORT = { type: 'abort', by: 'ann', reason: 'the customer has called' } as const;

/** A renewal of the lease, and a pass of recovery behind it. */
const NOTICED_MS = 3_100;
/** A pass of recovery, and the end that nobody waits for. */
const PASS_MS = 1_300;

const silent: Script = () => undefined;

let world: EngineWorld;
/** The rows as they were accepted. */
let accepted: StoredRow[];

beforeEach(async () => {
  world = new EngineWorld();
  accepted = [];
  // Each send to an endpoint without a barrier is written first, so that versions rise.
  await world.offer('shop', STEPS, 'plain');
});

describe('a log that has lost its last commits', () => {
  test("S1 an operator's abort is not overwritten by who drove the saga before, though it knows the same version", async () => {
    const stale = await world.coordinator({ script: silent, log: unnoticed() });
    const gid = await submitTo(stale);
    const copy = await world.log.rows([gid]);
    await answerFirst(stale);
    await answerFirst(stale, 1);
    expect(await world.log.get(gid)).toMatchObject({ version: 4, state: 'running' });

    failOver(copy);
    const operator = await world.coordinator({ script: silent });
    await operator.engine.act(gid, ABORT);
    const decided = await world.log.get(gid);
    await answerFirst(stale, 2);

    expect(decided).toMatchObject({ version: 4, state: 'aborting' });
    expect(await world.log.get(gid)).toEqual(decided);
  });

  test('what was driven in its former life is driven again within seconds, and ends', async () => {
    const asked = await world.coordinator({ script: silent, log: remembering() });
    const gid = await submitTo(asked);
    await answerFirst(asked);

    failOver();
    asked.transport.script = happyScript;
    await world.clock.advance(NOTICED_MS);

    expect(await world.log.get(gid)).toMatchObject({ state: 'committed' });
    expect(asked.transport.ops.filter((op) => op === 'action create')).toHaveLength(2);
  });

  test('whoever finds out by a write that it is in another life drives what is its own again, within a second', async () => {
    const asked = await world.coordinator({ script: silent, log: unnoticed() });
    const gid = await submitTo(asked);
    await answerFirst(asked);

    failOver();
    asked.transport.script = happyScript;
    await answerFirst(asked, 1);
    expect(asked.engine.activeCount).toBe(0);
    await world.clock.advance(PASS_MS);

    expect(await world.log.get(gid)).toMatchObject({ state: 'committed' });
  });

  test('what an instance had lost to another, and is its own again, is driven by it within seconds', async () => {
    const former = await world.coordinator({ script: silent, log: remembering() });
    const gid = await submitTo(former);
    const other = await world.coordinator({ script: silent });
    await other.engine.act(gid, { type: 'pause', by: 'ann', reason: 'look first' });
    await answerFirst(former);
    expect(former.engine.activeCount).toBe(0);

    failOver();
    former.transport.script = happyScript;
    await world.clock.advance(NOTICED_MS);

    expect(await world.log.get(gid)).toMatchObject({ state: 'committed', isPaused: false });
    expect(other.engine.activeCount).toBe(0);
  });

  test('what is accepted in a life that nobody has counted yet is driven as soon as it is counted', async () => {
    const log = overriding(world.log, {
      accept: async (rows) => {
        const answers = await world.log.accept(rows);
        return answers.map((answer) => ({ ...answer, epoch: 0 }));
      },
    });
    const { engine } = await world.coordinator({ log });
    const { gid } = await engine.submit({ submission: planOfSteps(STEPS) });

    await world.clock.advance(PASS_MS);

    expect(await world.log.get(gid)).toMatchObject({ state: 'committed' });
  });
});

type Coordinator = Awaited<ReturnType<EngineWorld['coordinator']>>;

async function submitTo({ engine }: Coordinator): Promise<string> {
  const { gid } = await engine.submit({ submission: planOfSteps(STEPS) });
  await world.clock.advance(10);
  return gid;
}

/** Has a participant say yes to what was sent as the first, or as `position` says. */
async function answerFirst({ transport }: Coordinator, position = 0): Promise<void> {
  const command = transport.sent[position];
  if (command === undefined) {
    throw new Error('That was never sent.');
  }
  transport.reply(command, { outcome: 'done', output: {} });
  await world.clock.advance(10);
}

/** Has the log go on from a copy that lacks everything since the acceptance, or since the rows were `copied`. */
function failOver(copied: readonly StoredRow[] = accepted): void {
  world.log.life += 1;
  for (const row of copied) {
    world.log.plant(row);
  }
}

function remembering(): TransactionLog {
  return overriding(world.log, {
    accept: async (rows) => {
      const answers = await world.log.accept(rows);
      accepted.push(...(await world.log.rows(rows.map(({ gid }) => gid))));
      return answers;
    },
  });
}

/** The log as it is for who does not hear of its new life. */
function unnoticed(): TransactionLog {
  return overriding(remembering(), { epoch: async () => 1 });
}
