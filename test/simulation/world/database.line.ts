import type { DatabaseLine } from '@atone/participant/testing';
import { SimulatedOutage } from './log.line.js';
import { never, type Life } from './sim.process.js';
import { whenSettled } from './when-settled.js';
import type { World } from './world.js';

/** A participant's own database as one of its processes reaches it. */
export class SimDatabaseLine implements DatabaseLine {
  constructor(
    private readonly life: Life,
    private readonly world: World,
    /** Whose statements they are, so that what one does moves no draw of the other. */
    private readonly user: string = life.process.name,
  ) {}

  carry<Answer>(what: 'begin' | 'statement' | 'commit', execute: () => Promise<Answer>): Promise<Answer> {
    if (this.life.isOver) {
      return never();
    }
    if (what === 'begin') {
      // Costs nothing of its own: whatever could happen to it can happen to the first statement.
      return execute();
    }
    const { fates, draws, scheduler } = this.world;
    const point = `${this.user} ${what}`;
    const outage = (): Error => new SimulatedOutage(`The connection broke at a ${what}.`);
    if (fates.strike('database-lost', point) !== undefined) {
      return new Promise((_resolve, reject) => {
        this.life.after(1, () => {
          reject(outage());
        });
      });
    }
    const isUnanswered = what === 'commit' && fates.strike('database-unanswered', point) !== undefined;
    const wayMs = 0.1 + draws.next(`${point} latency`) + (fates.strike('database-slow', point) ?? 0) * 2_000;
    return new Promise<Answer>((resolve, reject) => {
      const answer = (settle: () => void): void => {
        this.life.after(wayMs / 2, settle);
      };
      scheduler.after(wayMs / 2, () => {
        this.world.running = undefined;
        void whenSettled(
          execute(),
          (result) => {
            answer(() => {
              if (isUnanswered) {
                reject(outage());
              } else {
                resolve(result);
              }
            });
          },
          (error) => {
            answer(() => {
              reject(error);
            });
          },
        );
      });
    });
  }
}
