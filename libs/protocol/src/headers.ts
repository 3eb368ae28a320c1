/** HTTP headers of the contract, in lower case as Node gives them. */
export const HEADERS = {
  protocol: 'atone-protocol',
  gid: 'atone-gid',
  branchId: 'atone-branch-id',
  op: 'atone-op',
  round: 'atone-round',
  attempt: 'atone-attempt',
  /** How many ms of the transaction's time are left, so that no clock need agree with another. */
  remainingMs: 'atone-remaining-ms',
  /** The whole time of the transaction, in ms from the instant in its gid: nobody decides for its initiator before that. */
  timeoutMs: 'atone-timeout-ms',
  /** The SHA-256 of the initiator's secret, in hex: who knows the secret itself decides. */
  secretHash: 'atone-secret-hash',
  /** The life of the log in which the transaction began. */
  epoch: 'atone-epoch',
  /** The service that leads the transaction. */
  initiator: 'atone-initiator',
  /** In answers: the branches that the call has enlisted, in JSON. */
  enlisted: 'atone-enlisted',
  signature: 'atone-signature',
  /** In the answer to a registration that is taken: what is wrong with it all the same. */
  warning: 'atone-warning',
  idempotencyKey: 'idempotency-key',
  idempotentReplayed: 'idempotent-replayed',
  lane: 'x-lane',
  traceparent: 'traceparent',
  baggage: 'baggage',
} as const;

/** Where a participant with the library takes batches of commands. */
export const COMMANDS_PATH = '/atone/v1/commands';
