const GID = '0193d6c0-0000-7000-8000-000000000001';
const SECRET_HASH = 'd392982d290e306a3e4dfafda49cd7943a2681b74d1f84b583f4087f51a2e5ea';

const START = { name: 'book-trip', initiator: 'travel', epoch: 1, timeoutMs: 30_000 };

/** A branch at a service without a barrier: what its end is told is kept here. */
const FLIGHT = {
  branchId: '1',
  service: 'flight',
  action: 'hold',
  kind: 'tcc',
  input: { flight: 'LH 400', seats: 2 },
};

const HOTEL = { branchId: '2', service: 'hotel', action: 'hold', kind: 'tcc', nonce: 'Zx3fQ0b1kTq9' };

/** A body for each operation that takes one. A test checks each against the schema of its route. */
export const EXAMPLES: Readonly<Record<string, unknown>> = {
  submitTransaction: {
    name: 'place-order',
    input: { sku: 'guitar-7', quantity: 1, account: 'ann' },
    steps: [
      {
        name: 'stock',
        service: 'stock',
        action: 'reserve',
        input: { sku: { $from: '$input', pointer: '/sku' } },
      },
      {
        name: 'charge',
        service: 'payments',
        action: 'charge',
        input: { cents: { $from: 'stock', pointer: '/totalCents' } },
        pivot: true,
      },
    ],
    timeoutMs: 30_000,
    tags: { customer: 'ann' },
  },
  tellEndings: { gids: [GID] },
  noticeTransactions: {
    notices: [
      {
        gid: GID,
        ...START,
        secretHash: SECRET_HASH,
        branches: [{ branchId: '1', service: 'flight', action: 'hold', kind: 'tcc', state: 'in-flight' }],
      },
    ],
  },
  registerBranches: { ...START, secretHash: SECRET_HASH, remainingMs: 28_500, branches: [FLIGHT] },
  decideTransaction: {
    to: 'commit',
    secret: '5f0c1c2a7e0b4d66a3f2f0f3f8d1c9b7e6a5d4c3b2a19080706050403020100f',
    ...START,
    branches: [FLIGHT, HOTEL],
  },
  settleDoubts: {
    doubts: [
      { gid: GID, ...HOTEL, secretHash: SECRET_HASH, epoch: 1, initiator: 'travel', overdueMs: 1_250 },
    ],
  },
  retryTransaction: { by: 'ann', reason: 'the bank is back' },
  abortTransaction: { by: 'ann', reason: 'the customer called' },
  pauseTransaction: { by: 'ann', reason: 'looking into it' },
  resumeTransaction: { by: 'ann', reason: 'looked into it' },
  resolveTransaction: {
    to: 'commit',
    by: 'ann',
    reason: 'travel has sold it, ticket 4711',
    branches: ['1', '2'],
  },
  skipBranch: { by: 'ann', reason: 'refunded by hand, ticket 4711' },
  registerInstance: {
    instance: 'payments-1',
    baseUrl: 'http://10.0.0.7:3000',
    kind: 'library',
    protocol: 1,
    actions: [{ name: 'charge', hasCompensation: true }],
  },
};
