import { describe, expect, test } from '@jest/globals';
import {
  decisionRequestSchema,
  doubtsRequestSchema,
  noticesRequestSchema,
  registrationRequestSchema,
} from './led.schema.js';

const START = { name: 'book-trip', initiator: 'travel', epoch: 1, timeoutMs: 30_000 };
const NOTICE = { ...START, gid: '01a2049e-b941-7000-8000-000000000000', secretHash: 'a'.repeat(64) };
const BRANCH = { branchId: '1', service: 'hotel', action: 'hold', kind: 'tcc' };
const DOUBT = {
  ...BRANCH,
  gid: NOTICE.gid,
  nonce: 'nonce-of-1',
  secretHash: NOTICE.secretHash,
  epoch: 1,
  initiator: 'travel',
  overdueMs: 100,
};

describe('what a library of a later version tells besides is passed over', () => {
  test('in questions', () => {
    const asked = { doubts: [DOUBT, { ...DOUBT, branchId: '2', mood: 'anxious' }], isUrgent: true };

    expect(doubtsRequestSchema.parse(asked)).toEqual({ doubts: [DOUBT, { ...DOUBT, branchId: '2' }] });
  });

  test('in notices, and in the branches and calls that they tell of', () => {
    const told = {
      ...NOTICE,
      secret: 'b'.repeat(64),
      branches: [{ ...BRANCH, state: 'returned', tookMs: 7 }],
      calls: [{ callId: '2', label: 'POST http://mail/letters', tookMs: 7 }],
    };

    expect(noticesRequestSchema.parse({ notices: [told] }).notices[0]).toEqual({
      ...NOTICE,
      branches: [{ ...BRANCH, state: 'returned' }],
      calls: [{ callId: '2', label: 'POST http://mail/letters' }],
    });
  });
});

describe('what might change what becomes of a branch is refused where it is not known', () => {
  test('in decisions', () => {
    const decision = { ...START, to: 'commit', secret: 'b'.repeat(64), branches: [BRANCH] };
    expect(decisionRequestSchema.safeParse(decision).success).toBe(true);

    expect(decisionRequestSchema.safeParse({ ...decision, except: ['1'] }).success).toBe(false);
  });

  test('in registrations', () => {
    const registration = {
      ...START,
      secretHash: NOTICE.secretHash,
      remainingMs: 30_000,
      branches: [BRANCH],
    };
    expect(registrationRequestSchema.safeParse(registration).success).toBe(true);

    expect(registrationRequestSchema.safeParse({ ...registration, except: ['1'] }).success).toBe(false);
  });
});

test.each([
  ['overdueMs', 1e17],
  ['overdueMs', Infinity],
  ['epoch', 2 ** 31],
  ['timeoutMs', 1e12],
])('a question that tells %s as %d is refused', (member, value) => {
  expect(doubtsRequestSchema.safeParse({ doubts: [{ ...DOUBT, [member]: value }] }).success).toBe(false);
});

test('a notice of more branches than a transaction can have is refused', () => {
  const notices = [{ ...NOTICE, branchCount: 1e12 }];

  expect(noticesRequestSchema.safeParse({ notices }).success).toBe(false);
});
