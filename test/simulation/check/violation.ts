/**
 * The promises that a run is held to; see ARCHITECTURE.md. Some show as another one: what an undo changes where nothing
 * was done (S6) as S7, what a wrong clock may not do (S10) as any of them, and an unknown that was taken for "not done"
 * (SA3) as SA1. K1 to K5 are the rules of that number about Kafka.
 */
export type PromiseId =
  | 'S1'
  | 'S2'
  | 'S3'
  | 'S4'
  | 'S5'
  | 'S7'
  | 'S8'
  | 'S9'
  | 'S11'
  | 'S12'
  | 'SA1'
  | 'SA2'
  | 'SA4'
  | 'SA5'
  | 'TC1'
  | 'TC2'
  | 'TC4'
  | 'TC5'
  | 'L1'
  | 'L2'
  | 'L3'
  | 'K1'
  | 'K2'
  | 'K3'
  | 'K4'
  | 'K5';

/** A promise that a run has broken. */
export class Violation extends Error {
  override readonly name = 'Violation';

  constructor(
    readonly promise: PromiseId,
    readonly transaction: string | undefined,
    readonly what: string,
  ) {
    super(`${promise} is broken${transaction === undefined ? '' : ` for ${transaction}`}: ${what}`);
  }
}
