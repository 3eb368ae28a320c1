import type { InstanceFacts } from './log.port.js';

/** How one instance of the engine works. */
export interface EngineOptions {
  /** Drawn anew at each process start; it owns rows and a lease. */
  readonly instanceId: string;
  readonly logNumber: number;
  /** How many transactions this instance holds at once; past it new ones are refused with OVERLOADED. */
  readonly activeCountMax: number;
  readonly leaseMs: number;
  readonly renewEveryMs: number;
  readonly recoverEveryMs: number;
  /** How often own rows without a driver are looked for when nothing points at any. */
  readonly orphanEveryMs: number;
  readonly claimCountMax: number;
  /** For transactions submitted without a timeout. */
  readonly defaultTimeoutMs: number;
  /** How long the write of an end that nobody waits for may stay behind. */
  readonly endLagMs: number;
  /** How far ahead of the log's clock the clock of who mints a gid may be. */
  readonly skewMs: number;
  /**
   * For how long after its minting something new may be written of a led transaction. Not less than LED_TIMEOUT_MAX_MS,
   * and not more than ended rows are kept: a gid whose row is gone must never be decided again.
   */
  readonly memoryMs: number;
  /** What this instance tells others of itself; see `Engine.tellFacts`. Default: nothing. */
  readonly facts?: (() => InstanceFacts) | undefined;
  /**
   * Tells why this instance cannot do its work at the moment though others can, or undefined while it can. While it tells anything the
   * instance stands by: it hands over what it drives, takes nothing over, and refuses what is new with these words. Asked often;
   * `Engine.tellFacts` has a change be noticed soon. Default: it never stands by.
   */
  readonly standby?: (() => string | undefined) | undefined;
}

/** What counts where nothing else is said. */
export const DEFAULT_ENGINE_OPTIONS: Omit<EngineOptions, 'instanceId'> = {
  logNumber: 0,
  activeCountMax: 20_000,
  leaseMs: 6_000,
  renewEveryMs: 2_000,
  recoverEveryMs: 1_000,
  orphanEveryMs: 60_000,
  claimCountMax: 200,
  defaultTimeoutMs: 600_000,
  endLagMs: 150,
  skewMs: 300_000,
  memoryMs: 7 * 86_400_000,
};
