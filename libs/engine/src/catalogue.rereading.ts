import type { Catalogue } from './catalogue.js';
import type { Clock } from './clock.port.js';

/** However many ask for what does not exist, the catalogue is read no more often for it. */
const REREAD_EVERY_MS = 250;

/** Reads the catalogue again for those who miss something in it: what has registered at another coordinator comes by the store. */
export class CatalogueRereading {
  /** Whom it serves has come before it begins. */
  private next: Promise<void> | undefined;
  private begunAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly catalogue: Pick<Catalogue, 'refresh'>,
    private readonly clock: Pick<Clock, 'now' | 'setTimer'>,
  ) {}

  /** Settles when the catalogue holds whatever was in the store at the call. Rejects when the store does not answer. */
  async reread(): Promise<void> {
    this.next ??= this.readInTurn();
    return this.next;
  }

  private async readInTurn(): Promise<void> {
    await this.turn();
    this.next = undefined;
    this.begunAt = this.clock.now();
    await this.catalogue.refresh();
  }

  private async turn(): Promise<void> {
    // The log's time may have been set back since.
    const elapsedMs = Math.max(0, this.clock.now() - this.begunAt);
    if (elapsedMs < REREAD_EVERY_MS) {
      await new Promise<void>((resolve) => {
        this.clock.setTimer(REREAD_EVERY_MS - elapsedMs, resolve);
      });
    }
  }
}
