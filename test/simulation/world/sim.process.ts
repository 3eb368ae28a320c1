import type { Planned } from './scheduler.js';
import type { KafkaLine } from './kafka.line.js';
import type { World } from './world.js';

/**
 * One run of a process from its start to its end. Ports belong to a life: what an ended one has planned, or still asks
 * for, never happens, and its promises never settle. To the code that awaits them that is a crash.
 */
export class Life {
  isOver = false;

  constructor(readonly process: SimProcess) {}

  /** Has something happen in this life; if the process stands still, when it goes on. */
  after(delayMs: number, run: () => void): Planned {
    const { world } = this.process;
    let isCancelled = false;
    const arrive = (): void => {
      if (this.isOver || isCancelled) {
        return;
      }
      if (this.process.isFrozen) {
        this.process.whenThawed(arrive);
        return;
      }
      world.running = this;
      run();
    };
    const planned = world.scheduler.after(delayMs, arrive);
    return {
      cancel: () => {
        isCancelled = true;
        planned.cancel();
      },
    };
  }
}

/** A process that can crash, stand still and start again. */
export abstract class SimProcess {
  /** What this life reaches the brokers by, if it needs them. */
  kafkaLine: KafkaLine | undefined;
  protected isOtherVersion = false;
  private current: Life | undefined;
  private frozenUntilMs = 0;
  private readonly frozen: (() => void)[] = [];

  constructor(
    readonly name: string,
    readonly role: 'coordinator' | 'participant' | 'initiator',
    readonly world: World,
  ) {}

  /** The life that is being lived, or undefined while the process is down. */
  get life(): Life | undefined {
    return this.current;
  }

  start(): void {
    if (this.current !== undefined) {
      return;
    }
    const life = new Life(this);
    this.current = life;
    this.world.trace(this.name, 'starts');
    life.after(0, () => {
      this.boot(life);
    });
  }

  /** Ends the process without a word, and starts it again after a while. */
  kill(restartAfterMs: number): void {
    const life = this.current;
    if (life === undefined) {
      return;
    }
    this.world.trace(this.name, 'is killed');
    this.end(life);
    this.world.scheduler.after(restartAfterMs, () => {
      this.start();
    });
  }

  get isFrozen(): boolean {
    return this.frozenUntilMs > this.world.scheduler.nowMs;
  }

  /** Starts another version of the program, and the former one again after a while. */
  redeploy(forMs: number): void {
    this.isOtherVersion = true;
    this.kill(1);
    this.world.scheduler.after(forMs, () => {
      this.isOtherVersion = false;
      this.kill(1);
    });
  }

  /** Stands still: whatever was to happen here happens later, in the same order. */
  freeze(forMs: number): void {
    const { scheduler } = this.world;
    this.world.trace(this.name, `stands still for ${Math.round(forMs)} ms`);
    this.frozenUntilMs = Math.max(this.frozenUntilMs, scheduler.nowMs + forMs);
    this.kafkaLine?.keepsSilent(() => this.isFrozen);
    scheduler.at(this.frozenUntilMs, () => {
      if (!this.isFrozen) {
        this.thaw();
      }
    });
  }

  /** Goes on, with what was to happen meanwhile. */
  thaw(): void {
    this.frozenUntilMs = 0;
    for (const arrive of this.frozen.splice(0)) {
      this.world.scheduler.after(0, arrive);
    }
  }

  whenThawed(arrive: () => void): void {
    this.frozen.push(arrive);
  }

  /** What happens where the code of this process passes a failpoint. */
  passFailpoint(life: Life, name: string): void | Promise<void> {
    const point = `${this.name} ${name}`;
    const { fates, draws, options } = this.world;
    if (fates.strike(`${this.role}-crash`, point) !== undefined) {
      this.kill(draws.scale(`${point} restart`, 10, 3_000));
      return never();
    }
    const pause = fates.strike(`${this.role}-pause`, point);
    if (pause !== undefined) {
      this.freeze(pause * 3 * options.leaseMs);
      return new Promise((resolve) => {
        life.after(0, resolve);
      });
    }
    return undefined;
  }

  /** Begins to run: the code of a process starts here. */
  protected abstract boot(life: Life): void;

  /** Gives back what an operating system would give back of a dead process. */
  protected abstract cleanUp(): void;

  /** Ends a life, by a crash or in order. */
  protected end(life: Life): void {
    life.isOver = true;
    this.current = undefined;
    this.thaw();
    this.kafkaLine?.end();
    this.kafkaLine = undefined;
    this.cleanUp();
  }
}

/** A promise that never settles. */
export function never<Value>(): Promise<Value> {
  return new Promise<Value>(() => undefined);
}
