import { describe, expect, test } from '@jest/globals';
import { BranchConflictError } from './errors.js';
import { REGISTERED_COUNT_MAX } from './led.list.js';
import type { SagaEvent } from './saga.event.js';
import { advanceSaga } from './saga.machine.js';
import { active, decision, ledBranch } from './testing/leds.js';
import { fixedRandom } from './testing/plans.js';
import { NOW } from './testing/sagas.js';

const MOMENT = { now: NOW, random: fixedRandom(1) };
const ALL = Array.from({ length: REGISTERED_COUNT_MAX }, (_, index) => `2~k7.${index + 1}`);
const COUNTED = { registered: [{ prefix: '2~k7.', count: ALL.length }] };

describe('S12 a transaction with as many registered branches as there may be', () => {
  const full = active(...ALL);

  test('takes the same branches again, and no other', () => {
    const again: SagaEvent = { type: 'enlist', branches: ALL.slice(-2).map((id) => ledBranch(id)) };
    const more: SagaEvent = { type: 'enlist', branches: [ledBranch('1'), ledBranch('2')] };

    expect(advanceSaga(full, again, MOMENT).saga).toBe(full);
    expect(() => advanceSaga(full, more, MOMENT)).toThrow(
      new BranchConflictError('Transaction g1 would have 5002 registered branches, and 5000 is the most.'),
    );
  });

  test('is committed with what its initiator lists beside them', () => {
    const commit = decision('commit', ['1'], COUNTED);

    const { saga, commands } = advanceSaga(full, { type: 'decide', decision: commit }, MOMENT);

    expect(saga.state).toBe('committing');
    expect(commands).toHaveLength(ALL.length + 1);
    expect(commands.every(({ op }) => op === 'confirm')).toBe(true);
  });

  test('is aborted from its end', () => {
    const abort = decision('abort', [], COUNTED);

    const { saga, commands } = advanceSaga(full, { type: 'decide', decision: abort }, MOMENT);

    expect(saga.state).toBe('aborting');
    expect(commands.map(({ op, branchId }) => `${op} ${branchId}`)).toEqual([`compensate ${ALL.at(-1)}`]);
  });
});

test('S12 more branches than there may be are not even registered at first', () => {
  expect(() => active(...ALL, '1')).toThrow(BranchConflictError);
});
