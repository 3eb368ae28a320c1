import { describe, expect, test } from '@jest/globals';
import { comparisonsOf, comparisonVerdicts, type RatedStretch } from './comparison.check.js';
import type { ContenderName } from './contender.js';

function stretch(name: ContenderName, count: number, changes: Partial<RatedStretch> = {}): RatedStretch {
  return { library: 'kafkajs', inFlight: 1_024, name, stretch: { load: { count }, seconds: 10 }, ...changes };
}

describe('the comparison with the prototype', () => {
  test('is by the middle one of the turns of each', () => {
    const turns = [
      stretch('prototype', 10),
      stretch('atone', 45),
      stretch('prototype', 50),
      stretch('atone', 90),
      stretch('prototype', 60),
      stretch('atone', 20),
    ];

    expect(comparisonsOf(turns)).toEqual([{ library: 'kafkajs', inFlight: 1_024, share: 0.9 }]);
  });

  test('tells libraries and loads apart', () => {
    const others = { library: 'platformatic', inFlight: 64 } as const;
    const turns = [
      stretch('prototype', 100),
      stretch('prototype', 100, others),
      stretch('atone', 80),
      stretch('atone', 50, others),
    ];

    expect(comparisonsOf(turns).map(({ share }) => share)).toEqual([0.8, 0.5]);
  });

  test('is good from four fifths on', () => {
    const verdicts = [0.8, 0.799].flatMap((share) =>
      comparisonVerdicts([{ library: 'kafkajs', inFlight: 1_024, share }]),
    );

    expect(verdicts.map(({ isGood }) => isGood)).toEqual([true, false]);
  });

  test('is not good where one of the two has ended nothing', () => {
    const [verdict] = comparisonVerdicts(comparisonsOf([stretch('atone', 100)]));

    expect(verdict?.isGood).toBe(false);
  });

  test.each([64, 256, 1_024])('has a verdict with %i in flight', (inFlight) => {
    expect(comparisonVerdicts([{ library: 'kafkajs', inFlight, share: 0.1 }])).toMatchObject([
      { isGood: false },
    ]);
  });

  test('promises nothing for other loads', () => {
    expect(comparisonVerdicts([{ library: 'kafkajs', inFlight: 16, share: 0.1 }])).toEqual([]);
  });

  test('names what was measured, and what is promised', () => {
    const [verdict] = comparisonVerdicts([{ library: 'kafkajs', inFlight: 1_024, share: 0.71 }]);

    expect(verdict?.line).toBe(
      "Not good: kafka by kafkajs: 71.0 % of the prototype's rate with 1024 in flight; at least 80.0 % are promised.",
    );
  });
});
