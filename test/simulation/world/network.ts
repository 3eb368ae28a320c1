import type { PointFaultKind } from '../plan/fault.js';
import type { Life } from './sim.process.js';
import type { World } from './world.js';

/** The latest a message may come, in ms. */
const LATE_MS = 20_000;

/** Messages between processes: late, lost, repeated, overtaken, or cut off in one direction. */
export class Network {
  private inFlightCount = 0;
  /** Commands that have arrived, each with the life in which it is carried out. */
  private readonly underWay = new Set<{ readonly life: Life }>();
  private readonly cuts = new Set<string>();

  constructor(private readonly world: World) {}

  /** Whether nothing can come of any message any more: none is on its way, and none is being carried out. */
  get isQuiet(): boolean {
    return this.inFlightCount === 0 && [...this.underWay].every(({ life }) => life.isOver);
  }

  /** Notes that a command is carried out in a life, until that ends or the answer is there. */
  begins(life: Life): { ends(): void } {
    const execution = { life };
    this.underWay.add(execution);
    return {
      ends: () => {
        this.underWay.delete(execution);
      },
    };
  }

  cut(from: string, to: string): void {
    this.world.trace(from, `is cut off from ${to}`);
    this.cuts.add(`${from}>${to}`);
  }

  heal(from: string, to: string): void {
    this.cuts.delete(`${from}>${to}`);
  }

  healAll(): void {
    this.cuts.clear();
  }

  isCut(from: string, to: string): boolean {
    return this.cuts.has(`${from}>${to}`);
  }

  /** Brings a message to its place once, twice, or never. */
  carry(
    message: {
      readonly from: string;
      readonly to: string;
      readonly kind: 'command' | 'reply';
      readonly point: string;
    },
    arrive: () => void,
  ): void {
    const { from, to, kind, point } = message;
    const { fates, draws, options } = this.world;
    const strike = (fault: PointFaultKind): number | undefined => fates.strike(fault, point);
    if (strike(`${kind}-lost`) !== undefined || this.isCut(from, to)) {
      this.world.trace(from, `${kind} ${point} is lost`);
      return;
    }
    const heldBack = this.world.nights.areToCome ? strike('overnight') : undefined;
    if (heldBack !== undefined) {
      this.holdOvernight(heldBack, point, arrive);
      if (heldBack < 0.5) {
        return;
      }
    }
    const jitterMs = options.isReordering ? draws.next(`${kind} ${point} latency`) * 8 : 0;
    const lateMs = (strike(`${kind}-late`) ?? 0) ** 3 * LATE_MS;
    this.bring(1 + jitterMs + lateMs, arrive);
    const again = strike(`${kind}-repeated`);
    if (again !== undefined) {
      this.bring(2 + again ** 3 * LATE_MS, arrive);
    }
  }

  private holdOvernight(amount: number, point: string, arrive: () => void): void {
    this.inFlightCount += 1;
    this.world.nights.atDawn(() => {
      this.inFlightCount -= 1;
      this.world.trace('', `${point} was held back overnight`);
      this.bring(1 + amount ** 3 * LATE_MS, arrive);
    });
  }

  private bring(afterMs: number, arrive: () => void): void {
    this.inFlightCount += 1;
    this.world.scheduler.after(afterMs, () => {
      this.inFlightCount -= 1;
      this.world.running = undefined;
      arrive();
    });
  }
}
