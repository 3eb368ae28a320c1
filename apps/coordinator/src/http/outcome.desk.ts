import { Engine, type Snapshot } from '@atone/engine';
import { Injectable } from '@nestjs/common';

/** Where callers wait for outcomes, until the coordinator stops. */
@Injectable()
export class OutcomeDesk {
  private readonly waiting = new Set<() => void>();
  private isClosed = false;

  constructor(private readonly engine: Engine) {}

  /** Returns the transaction when it has ended, when `waitMs` is over, or when the coordinator stops. */
  async wait(gid: string, waitMs: number): Promise<Snapshot> {
    if (this.isClosed || waitMs === 0) {
      return this.engine.get(gid);
    }
    let leave: (() => void) | undefined;
    const left = new Promise<void>((resolve) => {
      leave = resolve;
      this.waiting.add(resolve);
    });
    try {
      return await Promise.race([
        this.engine.waitForEnd(gid, waitMs),
        left.then(async () => this.engine.get(gid)),
      ]);
    } finally {
      if (leave !== undefined) {
        this.waiting.delete(leave);
      }
    }
  }

  /** Sends everybody away with what is known. */
  close(): void {
    this.isClosed = true;
    for (const leave of this.waiting) {
      leave();
    }
  }
}
