import { describe, expect, test } from '@jest/globals';
import type { SagaEvent } from './saga.event.js';
import { decision, DOWN, LedStory, LOST, plainBranch, UNDONE } from './testing/leds.js';
import { act } from './testing/sagas.js';

const HOTEL_IS_UP: SagaEvent = { type: 'reachable', service: 'service-1' };

describe('when an instance of a service comes', () => {
  test('what could not be reached there is asked again at once, as the next attempt', () => {
    const story = LedStory.decided(decision('commit', ['1', '2']))
      .answer('1', DOWN)
      .answer('2', DOWN);

    expect(story.take(HOTEL_IS_UP).last.commands).toMatchObject([
      { op: 'confirm', branchId: '1', attempt: 2 },
    ]);
  });

  test.each<[string, LedStory]>([
    ['is in flight', LedStory.decided(decision('commit', ['1']))],
    ['is stuck', LedStory.decided(decision('commit', ['1'])).answer('1', LOST)],
    ['has ended', LedStory.decided(decision('abort', ['2', '1'])).answer('1', UNDONE)],
    [
      'is in a paused transaction',
      LedStory.decided(decision('commit', ['1']))
        .answer('1', DOWN)
        .take(act('pause')),
    ],
    ['has timed out', timedOut()],
  ])('what %s is left as it is', (_, story) => {
    expect(story.take(HOTEL_IS_UP).sentNow).toEqual([]);
  });

  test('nothing happens to what has ended as a whole', () => {
    const story = LedStory.decided(decision('abort', [plainBranch('1')])).answer('1', UNDONE);

    const { saga } = story;
    expect(story.take(HOTEL_IS_UP).saga).toBe(saga);
  });
});

function timedOut(): LedStory {
  return LedStory.decided(decision('commit', ['1'])).answer('1', {
    outcome: 'unknown',
    error: { class: 'timeout', message: 'slow' },
  });
}
