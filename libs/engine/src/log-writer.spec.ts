import { expect, test } from '@jest/globals';
import { LogWriter } from './log-writer.js';
import type { RowUpdate, TransactionLog } from './log.port.js';
import { ALICE, Desk, running } from './testing/log.desk.js';
import { ManualClock, MemoryLog, overriding } from './testing/index.js';

const SILENT = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** A desk whose first update gets no answer. `isDone` tells whether it was carried out all the same. */
function deskInDoubt(isDone: boolean) {
  const clock = new ManualClock();
  const memory = new MemoryLog(clock);
  let isBroken = true;
  const log = overriding(memory, {
    update: async (updates) => {
      if (!isBroken) {
        return memory.update(updates);
      }
      isBroken = false;
      await (isDone ? memory.update(updates) : undefined);
      throw new Error('The connection broke.');
    },
  });
  return { ...deskOf(log, clock), memory };
}

function deskOf(log: TransactionLog, clock: ManualClock) {
  const desk = new Desk({
    log,
    advance: async (ms) => clock.advance(ms),
    beginLife: async () => undefined,
    acceptUnknownFormat: async () => undefined,
    end: async () => undefined,
  });
  const writer = new LogWriter({ log, clock, logger: SILENT }, { endLagMs: 150, crowd: () => 1 });
  return { desk, writer, clock };
}

const pivotSent = (accepted: RowUpdate): RowUpdate => ({
  ...accepted,
  progress: running({ document: { pivot: 'sent' } }),
});

test('a write whose answer was lost is told as done when the row holds it', async () => {
  const { desk, writer, clock } = deskInDoubt(true);
  const update = pivotSent(await desk.accepted());

  const outcome = writer.update(update, true);
  await clock.advance(1_000);

  expect(await outcome).toBe('done');
});

test('a write that was lost is not told as done because this instance has taken the row over in between', async () => {
  const { desk, writer, clock, memory } = deskInDoubt(false);
  const update = pivotSent(await desk.accepted());

  const outcome = writer.update(update, true);
  await clock.advance(0);
  await memory.claim(ALICE, update.gid);
  await clock.advance(1_000);

  expect(await outcome).toBe('lost');
});

test('two writes of one row never go in one batch, or the log would refuse both for ever', async () => {
  const clock = new ManualClock();
  const { desk, writer } = deskOf(new MemoryLog(clock), clock);
  const late = await desk.accepted();
  await desk.log.claim(ALICE, late.gid);
  const current = { ...late, version: 2 };

  const answers = [writer.update(late, true), writer.update(current, true)];
  await clock.advance(1_000);

  expect(await Promise.all(answers)).toEqual(['lost', 'done']);
});
