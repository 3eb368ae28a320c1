import { RefusedError } from '@atone/nestjs';
import { Gate } from './until.js';

/** The methods of the services that a test may direct. */
export type Scene =
  | 'stock.reserve'
  | 'stock.release'
  | 'payments.charge'
  | 'payments.refund'
  | 'shipping.book'
  | 'shipping.cancel';

type Line = (gid: string) => void | Promise<void>;

/** What happens in the methods of the services before they do their own work. */
export class Script {
  private readonly lines = new Map<Scene, Line>();
  private readonly exits: Gate[] = [];

  on(scene: Scene, line: Line): void {
    this.lines.set(scene, line);
  }

  /** Has the method refuse, for so many calls or for ever. */
  refuse(scene: Scene, times = Number.POSITIVE_INFINITY): void {
    let left = times;
    this.on(scene, () => {
      left -= 1;
      if (left >= 0) {
        throw new RefusedError(`${scene} says no`);
      }
    });
  }

  /** Has the method wait; `entered` opens when it does, and `exit` lets it and all later calls go on. */
  hold(scene: Scene): { readonly entered: Gate; readonly exit: Gate } {
    const entered = new Gate();
    const exit = new Gate();
    this.exits.push(exit);
    this.on(scene, async () => {
      entered.open();
      await exit.passage;
    });
    return { entered, exit };
  }

  /** Forgets all directions, and lets go of whom they hold: a test that failed must not hold up the next. */
  clear(): void {
    this.lines.clear();
    for (const exit of this.exits.splice(0)) {
      exit.open();
    }
  }

  async play(scene: Scene, gid: string): Promise<void> {
    await this.lines.get(scene)?.(gid);
  }
}
