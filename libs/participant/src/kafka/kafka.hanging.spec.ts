import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  command,
  DONE,
  gid,
  GROUP,
  LedgerScene,
  steppedClock,
  TOPIC,
  until,
} from '../testing/ledger.scene.js';

let scene: LedgerScene;

beforeEach(async () => {
  scene = await new LedgerScene().open();
});

afterEach(async () => scene.close());

describe('a handler that does not return', () => {
  test('keeps nobody behind it from having a turn, and is answered when it ends', async () => {
    const clock = steppedClock();
    const open = scene.hold('hangs');
    const { counts } = await scene.start({ clock });
    await scene.send(command('hangs'));
    await until(() => scene.started.length === 1);
    await scene.send(command('other', { gid: gid(2) }));
    await until(() => scene.answers().length === 1);

    clock.pass();

    const before = { answers: scene.answers(), slow: counts.slow };
    open();
    await until(() => scene.answers().length === 2);
    expect(before).toEqual({ answers: [['other', DONE]], slow: 1 });
    expect(scene.answers()[1]).toEqual(['hangs', DONE]);
  });

  test('has the other commands of its transaction asked again, so that none of them waits or overtakes it', async () => {
    const clock = steppedClock();
    const open = scene.hold('hangs');
    const { counts } = await scene.start({ clock });
    await scene.send(command('hangs'), command('hangs', { op: 'compensate' }));
    await until(() => scene.started.length === 1);

    clock.pass();
    await until(() => scene.answers().length === 1);
    await scene.send(command('hangs', { op: 'compensate', attempt: 2 }));

    await until(() => scene.answers().length === 2);
    expect(scene.answers().map(([, reply]) => reply)).toMatchObject([
      {
        outcome: 'unknown',
        error: { class: 'unreachable', message: expect.stringContaining('take too long') },
      },
      { outcome: 'unknown', error: { class: 'unreachable', message: expect.stringContaining('under way') } },
    ]);
    expect({ started: scene.started, ...counts }).toMatchObject({ started: ['hangs'], slow: 1, busy: 2 });
    open();
    await until(() => scene.answers().length === 3);
  });

  test('is named in the log, once, when it and others like it keep all turns', async () => {
    const clock = steppedClock();
    const warnings: unknown[] = [];
    const log = { warn: (fields: object, message: string) => void warnings.push({ message, ...fields }) };
    const open = [scene.hold('first'), scene.hold('second')];
    const { counts } = await scene.start({ clock, log, parallelMax: 2 });
    await scene.send(command('first'), command('second', { gid: gid(2) }), command('third', { gid: gid(3) }));
    await until(() => scene.started.length === 2);

    clock.pass();
    await until(() => counts.busy === 1);
    await scene.send(command('fourth', { gid: gid(4) }));
    await until(() => scene.kafka.records(TOPIC).length === 4 && clock.dueCount() > 0);
    clock.pass();

    await until(() => counts.busy === 2);
    expect(warnings).toEqual([
      {
        message: 'trouble with commands that do not return',
        service: 'ledger',
        topic: TOPIC,
        error: expect.stringMatching(
          `All 2 commands .* The oldest is the action ledger.book of branch first of ${gid(1)}, for \\d+ s`,
        ),
      },
    ]);
    open.forEach((release) => release());
    await until(() => scene.answers().length === 4);
  });

  test('is waited for when the service closes', async () => {
    const open = scene.hold('slow');
    const commands = await scene.start();
    await scene.send(command('slow'));
    await until(() => scene.started.length === 1);

    const closed = commands.close();
    open();
    await closed;

    expect(scene.answers()).toEqual([['slow', DONE]]);
    expect(scene.kafka.committed(GROUP, TOPIC, 0)).toBe(1n);
  });
});
