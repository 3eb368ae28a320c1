import { describe, expect, test } from '@jest/globals';
import { doubtsVerdict } from './doubts.check.js';
import type { DoubtsResult } from './doubts.js';

const REPORT = { asked: 20, confirmed: 0, undone: 0, waiting: 0, people: 0, trouble: 0 };

function result(answer: 'undo' | 'wait', changes: { report: object; log?: object }): DoubtsResult {
  return {
    answer,
    transactionCount: 10,
    pass: { report: { ...REPORT, ...changes.report }, seconds: 1, askSeconds: 1 },
    log: { commits: 1, inserted: 0, updated: 0, wal: 0, ...changes.log },
    cpu: { coordinator: 1, postgres: 1, participant: 1, load: 1 },
  };
}

describe('the check of questions', () => {
  test('each transaction of which nobody knows costs one row, whatever the number of its branches', () => {
    const good = result('undo', { report: { undone: 20 }, log: { inserted: 10 } });

    expect(doubtsVerdict(good)).toEqual({
      isGood: true,
      line:
        'Good: doubts: 20 branches of 10 transactions asked about, 20 told to undo; ' +
        '10 rows inserted and 0 updated, of which 10 and 0 are promised.',
    });
    expect(doubtsVerdict(result('undo', { report: { undone: 20 }, log: { inserted: 20 } }))).toMatchObject({
      isGood: false,
    });
    expect(
      doubtsVerdict(result('undo', { report: { undone: 20 }, log: { inserted: 10, updated: 10 } })),
    ).toMatchObject({ isGood: false });
  });

  test('a question that is answered with wait writes nothing', () => {
    expect(doubtsVerdict(result('wait', { report: { waiting: 20 } }))).toMatchObject({ isGood: true });
    expect(doubtsVerdict(result('wait', { report: { waiting: 20 }, log: { inserted: 1 } }))).toMatchObject({
      isGood: false,
    });
  });

  test('is not good when branches were told something else, or none was asked about', () => {
    expect(
      doubtsVerdict(result('undo', { report: { undone: 19, trouble: 1 }, log: { inserted: 10 } })),
    ).toMatchObject({ isGood: false });
    expect(doubtsVerdict(result('wait', { report: { asked: 0 } }))).toMatchObject({ isGood: false });
  });
});
