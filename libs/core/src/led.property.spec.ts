import { describe, test } from '@jest/globals';
import fc from 'fast-check';
import { isEnded, stuckOf } from './saga.state.js';
import { ledBranch } from './testing/leds.js';
import { COUNTED, LedWorld, type LedPart, type LedSetting } from './testing/led.world.js';
import { scripts } from './testing/scripts.js';
import { check } from './testing/saga.laws.js';
import type { Move } from './testing/world.js';

const RUNS = Number(process.env['ATONE_PROPERTY_RUNS'] ?? 2000);

describe('a led transaction in a world where everything goes wrong', () => {
  test('always ends at one once its participants are repaired, and is visibly stuck until then', () => {
    fc.assert(
      fc.property(settings(), moves(), (setting, script) => {
        const world = new LedWorld(setting);
        try {
          play(world, script);
          world.checkEnd();
        } catch (error) {
          throw new Error([String(error), ...world.trace].join('\n'), { cause: error });
        }
      }),
      { numRuns: RUNS },
    );
  });
});

function play(world: LedWorld, script: readonly Move[]): void {
  for (const move of script) {
    world.move(move);
  }
  world.calmDown();
  const { saga } = world;
  check(
    isEnded(saga) || stuckOf(saga) !== undefined || saga.paused !== undefined,
    'at rest is ended or visible',
  );
  for (let count = 0; count < 4 && !isEnded(world.saga); count += 1) {
    world.repair();
    world.calmDown();
  }
  check(isEnded(world.saga), 'what is repaired ends');
}

function moves(): fc.Arbitrary<Move[]> {
  const kind = fc.oneof(
    { weight: 12, arbitrary: fc.constantFrom<Move['kind']>('deliver', 'answer') },
    { weight: 3, arbitrary: fc.constantFrom<Move['kind']>('tick', 'early-tick', 'wait') },
    { weight: 2, arbitrary: fc.constantFrom<Move['kind']>('drop', 'lose', 'deliver-twice', 'answer-twice') },
    {
      weight: 3,
      arbitrary: fc.constantFrom<Move['kind']>('save', 'crash', 'overtake', 'forward', 'cut-write'),
    },
    { weight: 3, arbitrary: fc.constantFrom<Move['kind']>('act', 'initiator', 'initiator') },
  );
  return fc.array(fc.record({ kind, at: fc.nat(400) }), { maxLength: 60 });
}

function settings(): fc.Arbitrary<LedSetting> {
  return fc.record({
    parts: fc.array(drawnPart(), { maxLength: 5 }).map((drawn) => drawn.map(partOf)),
    start: fc.constantFrom('commit', 'commit', 'abort', 'active', 'active'),
    seed: fc.integer(),
  });
}

type Drawn = Omit<LedPart, 'branch'> & { readonly kind: 'saga' | 'tcc'; readonly hasBarrier: boolean };

function drawnPart(): fc.Arbitrary<Drawn> {
  return fc.record({
    kind: fc.constantFrom('saga', 'tcc'),
    hasBarrier: fc.oneof({ weight: 3, arbitrary: fc.constant(true) }, fc.boolean()),
    role: fc.constantFrom('listed', 'listed', 'counted', 'thrown', 'unheard'),
    isRegistered: fc.boolean(),
    found: fc.constantFrom('done', 'done', 'done', 'done', 'lost', 'undone'),
    confirm: scripts(),
    compensate: scripts(),
  });
}

function partOf({ kind, hasBarrier, ...part }: Drawn, position: number): LedPart {
  const branchId = part.role === 'counted' ? `${COUNTED}${position}` : String(position + 1);
  return {
    ...part,
    branch: ledBranch(branchId, { kind, ...(hasBarrier ? {} : { nonce: undefined }) }),
    isRegistered: part.isRegistered || part.role === 'counted' || part.role === 'unheard',
    found: hasBarrier ? part.found : 'done',
  };
}
