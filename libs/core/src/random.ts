/** A source of randomness that is passed in, so that a seed can replay what happened. */
export interface Random {
  /** Returns a number in [0, 1). */
  next(): number;
  /** Returns `count` random octets, good enough for ids and secrets. */
  bytes(count: number): Uint8Array;
}
