/** Somebody who is needed is away, or busy: the same may be done a little later. */
export class NotNowError extends Error {
  override readonly name = 'NotNowError';
}
