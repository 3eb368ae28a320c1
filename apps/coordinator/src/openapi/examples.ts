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
  tellEndings: { gids: ['0193d6c0-0000-7000-8000-000000000001'] },
  retryTransaction: { by: 'ann', reason: 'the bank is back' },
  abortTransaction: { by: 'ann', reason: 'the customer called' },
  pauseTransaction: { by: 'ann', reason: 'looking into it' },
  resumeTransaction: { by: 'ann', reason: 'looked into it' },
  skipBranch: { by: 'ann', reason: 'refunded by hand, ticket 4711' },
  registerInstance: {
    instance: 'payments-1',
    baseUrl: 'http://10.0.0.7:3000',
    kind: 'library',
    protocol: 1,
    actions: [{ name: 'charge', hasCompensation: true }],
  },
};
