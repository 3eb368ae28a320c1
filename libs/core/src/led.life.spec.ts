import { describe, expect, test } from '@jest/globals';
import { advanceSaga } from './saga.machine.js';
import type { SagaEvent } from './saga.event.js';
import { nextDueAt, stuckOf } from './saga.state.js';
import { active, DEADLINE_MS, LED, LedStory } from './testing/leds.js';
import { fixedRandom } from './testing/plans.js';
import { act, NOW } from './testing/sagas.js';

const MOMENT = { now: NOW, random: fixedRandom(1) };
const TICK: SagaEvent = { type: 'tick' };

describe('a registered transaction', () => {
  test('of another life of the log is stuck at its deadline, until an operator aborts it', () => {
    const now = NOW + DEADLINE_MS;
    const { saga, commands, durability } = advanceSaga(active('1'), TICK, { ...MOMENT, now, epoch: 2 });

    expect([saga.state, commands, durability]).toEqual(['active', [], 'first']);
    expect(stuckOf(saga)).toEqual({
      reason: 'log-restored',
      message: 'It began in life 1 of the log, which is in life 2 now: what was decided may be lost.',
      since: now,
    });
    expect(nextDueAt(saga)).toBeUndefined();
    expect(new LedStory(saga).take(TICK, DEADLINE_MS).saga).toBe(saga);
    expect(new LedStory(saga).take(act('abort')).saga).toMatchObject({ state: 'aborting', stuck: undefined });
  });

  test('of the present life of the log aborts at its deadline', () => {
    const moment = { ...MOMENT, now: NOW + DEADLINE_MS, epoch: LED.epoch };

    expect(advanceSaga(active('1'), TICK, moment).saga.abort?.code).toBe('deadline');
  });
});
