import { OverloadedError } from './errors.js';
import type { EngineObserver } from './observer.port.js';

/** Decides whether a new transaction may come in. */
export class Doorkeeper {
  private isOpen = false;

  constructor(
    private readonly limits: { readonly activeCountMax: number },
    private readonly observer?: Pick<EngineObserver, 'overloaded'>,
  ) {}

  open(): void {
    this.isOpen = true;
  }

  close(): void {
    this.isOpen = false;
  }

  /** `reserve` is by how much more the house may hold for this one. @throws {OverloadedError} when it is full or closing. */
  admit(activeCount: number, reserve = 1): void {
    if (!this.isOpen) {
      throw new OverloadedError(
        'This coordinator is starting or stopping and accepts nothing new. Ask another, or again.',
      );
    }
    if (activeCount >= this.limits.activeCountMax * reserve) {
      this.observer?.overloaded();
      throw new OverloadedError(
        `This coordinator holds ${activeCount} transactions, which is all it may. Nothing was accepted; ask again later.`,
      );
    }
  }
}
