/** An event reached a machine in a state in which it cannot come: a defect of the caller. */
export class IllegalTransitionError extends Error {
  override readonly name = 'IllegalTransitionError';
  readonly code = 'ILLEGAL_TRANSITION';

  constructor(
    readonly state: string,
    readonly event: string,
  ) {
    super(`A transaction that is ${state} cannot take the event ${event}.`);
  }
}

/** An operator asked for something that the transaction's state forbids; the message tells why. */
export class ActRefusedError extends Error {
  override readonly name = 'ActRefusedError';
  readonly code = 'ACT_NOT_POSSIBLE';
}
