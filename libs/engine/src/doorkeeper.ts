import type { EngineOptions } from './engine.options.js';
import { OverloadedError } from './errors.js';
import type { EngineObserver } from './observer.port.js';

/** Decides whether a new transaction may come in. */
export class Doorkeeper {
  private isOpen = false;

  constructor(
    private readonly options: Pick<EngineOptions, 'activeCountMax' | 'standby'>,
    private readonly observer?: Pick<EngineObserver, 'overloaded'>,
  ) {}

  open(): void {
    this.isOpen = true;
  }

  close(): void {
    this.isOpen = false;
  }

  /** `reserve` is by how much more the house may hold for this one. @throws {OverloadedError} when it is full, closing, or standing by. */
  admit(activeCount: number, reserve = 1): void {
    if (!this.isOpen) {
      throw new OverloadedError(
        'This coordinator is starting or stopping and accepts nothing new. Ask another, or again.',
      );
    }
    const standby = this.options.standby?.();
    if (standby !== undefined) {
      throw new OverloadedError(standby);
    }
    if (activeCount >= this.options.activeCountMax * reserve) {
      this.observer?.overloaded();
      throw new OverloadedError(
        `This coordinator holds ${activeCount} transactions, which is all it may. Nothing was accepted; ask again later.`,
      );
    }
  }
}
