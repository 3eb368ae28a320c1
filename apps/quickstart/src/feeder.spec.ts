import { describe, expect, test } from '@jest/globals';
import { CoordinatorRefusedError, CoordinatorUnreachableError, type AtoneClient } from '@atone/participant';
import type { Ended, Work, WorkResult } from './example.js';
import { feed } from './feeder.js';
import { NotNowError } from './not-now.error.js';

const SUBJECT = { url: 'http://coordinator', what: 'start it', changes: true };
const client = {} as AtoneClient;

const COMMITTED: WorkResult = { outcome: 'committed' };
const NOT_YET = undefined;

/** Work that answers with each of `answers` in its turn, and is done then; an error is thrown. */
function work(key: string, ...answers: (WorkResult | Error | undefined)[]): Work & { count: number } {
  return {
    key,
    count: 0,
    async submit() {
      const answer = this.count < answers.length ? answers[this.count] : COMMITTED;
      this.count += 1;
      if (answer instanceof Error) {
        throw answer;
      }
      return answer;
    },
  };
}

async function feedAll(works: readonly Work[], signal = new AbortController().signal): Promise<Ended[]> {
  const ended: Ended[] = [];
  const options = { concurrency: 3, signal, onEnded: (one: Ended) => ended.push(one) };
  await feed(works, options, { nextClient: () => client, now: () => 0, sleep: () => Promise.resolve() });
  return ended;
}

describe('feeding', () => {
  test('ends when each piece of work has ended', async () => {
    const works = Array.from({ length: 10 }, (_, position) => work(`order-${position}`));

    const ended = await feedAll(works);

    expect(new Set(ended.map(({ key }) => key))).toEqual(new Set(works.map(({ key }) => key)));
  });

  test('never has more under way than it may', async () => {
    let underWay = 0;
    let most = 0;
    const slow: Work = {
      key: 'slow',
      async submit() {
        underWay += 1;
        most = Math.max(most, underWay);
        await new Promise((resolve) => {
          setImmediate(resolve);
        });
        underWay -= 1;
        return COMMITTED;
      },
    };

    await feedAll(Array.from({ length: 20 }, () => slow));

    expect(most).toBe(3);
  });

  test('asks again about what is not decided yet', async () => {
    const slow = work('order-1', NOT_YET, NOT_YET, COMMITTED);

    const ended = await feedAll([slow]);

    expect(slow.count).toBe(3);
    expect(ended.map((one) => one.result.outcome)).toEqual(['committed']);
  });

  test('submits again when the coordinator was down, or a service is not back yet', async () => {
    const down = new CoordinatorUnreachableError(SUBJECT, 'connect ECONNREFUSED');
    const absent = new CoordinatorRefusedError(SUBJECT, {
      status: 400,
      code: 'UNKNOWN_ACTION',
      detail: 'Nobody offers stock.reserve.',
      errors: [],
    });
    const unlucky = work('order-1', down, absent, new NotNowError('The service is away.'), COMMITTED);

    const ended = await feedAll([unlucky]);

    expect(unlucky.count).toBe(4);
    expect(ended).toHaveLength(1);
  });

  test('ends with the error of what is refused, and submits no more', async () => {
    const refusal = new CoordinatorRefusedError(SUBJECT, {
      status: 422,
      code: 'IDEMPOTENCY_MISMATCH',
      detail: 'The key stands for another plan.',
      errors: [],
    });
    const last = work('order-9');
    const others = Array.from({ length: 8 }, (_, position) => work(`order-${position}`, NOT_YET, refusal));

    await expect(feedAll([...others, last])).rejects.toBe(refusal);

    expect(last.count).toBe(0);
  });

  test('ends when it is told to, with work left', async () => {
    const ended = await feedAll([work('order-1')], AbortSignal.abort());

    expect(ended).toEqual([]);
  });
});
