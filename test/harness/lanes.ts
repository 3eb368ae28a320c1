import { setTimeout as pause } from 'node:timers/promises';

/** How much work of a test is under way at once. */
export const LANE_COUNT = 64;

/** Before somebody else is asked: some refuse at once. */
const BREATH_MS = 50;

/** Does all the work, so much of it at once. */
export async function inLanes<Work>(
  count: number,
  works: readonly Work[],
  work: (one: Work) => Promise<void>,
): Promise<void> {
  const queue = works.values();
  const lane = async (): Promise<void> => {
    for (const one of queue) {
      // oxlint-disable-next-line no-await-in-loop -- a lane has one under way
      await work(one);
    }
  };
  await Promise.all(Array.from({ length: count }, lane));
}

/** Asks, one turn after the other, until there is an answer. @throws Error once the world has stopped: a test that ran out of time must leave nobody behind. */
export async function untilAnswered<Answer>(
  world: { readonly isStopped: boolean },
  question: (turn: number) => Promise<Answer | undefined>,
): Promise<Answer> {
  for (let turn = 0; !world.isStopped; turn += 1) {
    // oxlint-disable no-await-in-loop -- whoever has no answer is asked again
    const answer = await question(turn);
    if (answer !== undefined) {
      return answer;
    }
    await pause(BREATH_MS);
    // oxlint-enable no-await-in-loop
  }
  throw new Error('All was stopped before the answer came.');
}
