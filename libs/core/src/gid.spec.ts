import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { gidLogNumber, gidTimeMs, isGid, LOG_NUMBER_MAX, mintGid } from './gid.js';
import { fixedRandom, seededRandom } from './testing/plans.js';

describe('a gid', () => {
  test('is the UUIDv7 of RFC 9562, appendix A.6, read back', () => {
    const gid = '017f22e2-79b0-7cc3-98c4-dc0c0c07398f';

    expect(isGid(gid)).toBe(true);
    expect(gidTimeMs(gid)).toBe(Date.UTC(2022, 1, 22, 19, 22, 22));
    expect(gidLogNumber(gid)).toBe(0xcc3);
  });

  test('has version and variant in their places whatever the dice show', () => {
    expect(mintGid(0x0123456789ab, 0x5, fixedRandom(1))).toBe('01234567-89ab-7005-bfff-ffffffffffff');
    expect(mintGid(0, 0, fixedRandom(0))).toBe('00000000-0000-7000-8000-000000000000');
  });

  test('carries its time and its log', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 48 - 1), fc.nat(LOG_NUMBER_MAX), fc.integer(), (nowMs, logNumber, seed) => {
        const gid = mintGid(nowMs, logNumber, seededRandom(seed));

        expect([isGid(gid), gidTimeMs(gid), gidLogNumber(gid)]).toEqual([true, nowMs, logNumber]);
      }),
    );
  });

  test('sorts by time', () => {
    const gids = [1, 1000, 2 ** 33].map((nowMs) => mintGid(nowMs, 7, seededRandom(1)));

    expect(gids.toSorted()).toEqual(gids);
  });

  test('of a log number that does not fit its place is not minted', () => {
    expect(() => mintGid(0, LOG_NUMBER_MAX + 1, fixedRandom(0))).toThrow(
      new RangeError('Log number 4096 is not between 0 and 4095.'),
    );
    expect(() => mintGid(0, -1, fixedRandom(0))).toThrow(RangeError);
  });

  test.each([
    ['upper case', '017F22E2-79B0-7CC3-98C4-DC0C0C07398F'],
    ['no hyphens', '017f22e279b07cc398c4dc0c0c07398f'],
    ['version 4', '017f22e2-79b0-4cc3-98c4-dc0c0c07398f'],
    ['another variant', '017f22e2-79b0-7cc3-18c4-dc0c0c07398f'],
    ['something before it', '0017f22e2-79b0-7cc3-98c4-dc0c0c07398f'],
    ['something behind it', '017f22e2-79b0-7cc3-98c4-dc0c0c07398f\n'],
    ['nothing', ''],
  ])('has one spelling: not with %s', (_, text) => {
    expect(isGid(text)).toBe(false);
  });
});
