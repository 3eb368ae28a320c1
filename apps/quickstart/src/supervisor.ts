import { QuickstartError } from './quickstart.error.js';

/*
 * Keeps children running: whoever ends before it is told to is started again.
 *
 *   start ──► running ──ends──► pausing ──► running …
 *                │                 │
 *                │                 └─ ended by itself, early, too often in a row ──► the whole gives up
 *                ├─ says that another start changes nothing ─────────────────────► the whole gives up
 *                └─ stop ──► SIGTERM ──10 s──► SIGKILL         coordinators after the services
 */

/** A program to keep running. */
export interface ChildPlan {
  readonly name: string;
  readonly entry: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Whether others say goodbye to it when they stop: it is told to stop when they have ended. Default: not. */
  readonly stopsLast?: boolean;
}

/** How a child ended. */
export interface ChildEnd {
  /** As the end of "it ended": `with exit code 1`. */
  readonly how: string;
  /** Whether somebody else ended it. */
  readonly wasKilled: boolean;
  /** Whether it has said that to start it again changes nothing. */
  readonly isMisconfigured: boolean;
  /** The last lines that it wrote. */
  readonly lastWords: readonly string[];
}

/** A child that runs. */
export interface Child {
  readonly ended: Promise<ChildEnd>;
  kill(signal: NodeJS.Signals): void;
}

interface Kept {
  readonly plan: ChildPlan;
  /** Resolves when it ran for the last time. */
  readonly isOver: Promise<void>;
}

export interface SupervisorPorts {
  spawn(plan: ChildPlan): Child;
  now(): number;
  /** Resolves after `delayMs`, or at once when `signal` is aborted. */
  sleep(delayMs: number, signal: AbortSignal): Promise<void>;
  warn(line: string): void;
  /** Where the children's words are kept. */
  readonly logFolder: string;
}

const PAUSE_MS = { initial: 500, cap: 10_000 };
/** Who lives longer than this was well: its next end counts as the first. */
const EARLY_MS = 15_000;
const EARLY_COUNT_MAX = 6;
/** How long a child may take to end in order. */
export const GRACE_MS = 10_000;

export class Supervisor {
  /** Never resolves; rejects when a child cannot be kept running. */
  readonly failed: Promise<never>;
  readonly #stopping = new AbortController();
  readonly #running = new Map<string, Child>();
  readonly #kept: Kept[] = [];
  readonly #told = new Set<string>();
  #fail!: (error: Error) => void;

  constructor(private readonly ports: SupervisorPorts) {
    this.failed = new Promise<never>((_resolve, reject) => {
      this.#fail = reject;
    });
    // Whoever awaits it sees it; where nobody does, the process must not end of it.
    this.failed.catch(() => undefined);
  }

  /** Starts `plan`, and again whenever it ends. */
  start(plan: ChildPlan): void {
    this.#kept.push({ plan, isOver: this.#keep(plan) });
  }

  /** Ends all children: in order if they can, roughly after the grace. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#end(this.#kept.filter(({ plan }) => plan.stopsLast !== true));
    await this.#end(this.#kept);
  }

  async #end(kept: readonly Kept[]): Promise<void> {
    const tell = (signal: NodeJS.Signals) =>
      kept.forEach(({ plan }) => this.#running.get(plan.name)?.kill(signal));
    tell('SIGTERM');
    const graceOver = new AbortController();
    const rough = this.ports.sleep(GRACE_MS, graceOver.signal).then(() => tell('SIGKILL'));
    await Promise.all(kept.map(({ isOver }) => isOver));
    graceOver.abort();
    await rough;
  }

  /** Ends all children at once, for those who cannot wait. */
  kill(): void {
    this.#stopping.abort();
    this.#running.forEach((child) => child.kill('SIGKILL'));
  }

  async #keep(plan: ChildPlan): Promise<void> {
    let earlyCount = 0;
    // oxlint-disable no-await-in-loop -- one life after the other
    while (!this.#stopping.signal.aborted) {
      const startedAt = this.ports.now();
      const end = await this.#live(plan);
      if (this.#stopping.signal.aborted) {
        return;
      }
      if (end.isMisconfigured) {
        this.#fail(new QuickstartError(misconfiguredMessage(plan, end, this.ports.logFolder)));
        return;
      }
      earlyCount = nextEarlyCount(earlyCount, end, this.ports.now() - startedAt);
      if (earlyCount >= EARLY_COUNT_MAX) {
        this.#tellLastWords(end);
        const message = `${plan.name} ended ${earlyCount} times in a row, last ${end.how}; its words are in ${this.ports.logFolder}.`;
        this.#fail(new QuickstartError(message));
        return;
      }
      const pauseMs = Math.min(PAUSE_MS.initial * 2 ** Math.max(0, earlyCount - 1), PAUSE_MS.cap);
      this.#tell(plan, end, pauseMs);
      await this.ports.sleep(pauseMs, this.#stopping.signal);
    }
    // oxlint-enable no-await-in-loop
  }

  async #live(plan: ChildPlan): Promise<ChildEnd> {
    const child = this.ports.spawn(plan);
    this.#running.set(plan.name, child);
    const end = await child.ended;
    this.#running.delete(plan.name);
    return end;
  }

  #tell({ name }: ChildPlan, end: ChildEnd, pauseMs: number): void {
    this.ports.warn(`${name} ended ${end.how}, and is started again in ${pauseMs / 1_000} s.`);
    this.#tellLastWords(end);
  }

  #tellLastWords({ lastWords, wasKilled }: ChildEnd): void {
    // Who is killed does not say why.
    const words = (wasKilled ? [] : lastWords).map((line) => `    ${line}`).join('\n');
    if (words !== '' && !this.#told.has(words)) {
      this.#told.add(words);
      this.ports.warn(`  Its last lines:\n${words}`);
    }
  }
}

function misconfiguredMessage({ name }: ChildPlan, { lastWords }: ChildEnd, logFolder: string): string {
  const words = plainWords(lastWords).join('\n');
  return words === ''
    ? `${name} cannot run as it is configured; its words are in ${logFolder}.`
    : `${name} cannot run as it is configured. ${words}`;
}

/** Returns what comes behind the last line of a log, of which no line is for people. */
function plainWords(lines: readonly string[]): readonly string[] {
  return lines.slice(lines.findLastIndex((line) => /^(?:\{|\[Nest\]|\s)/u.test(line)) + 1);
}

/** Whoever is killed may come back at once, however often: the quickstart invites people to kill. */
function nextEarlyCount(earlyCount: number, { wasKilled }: ChildEnd, livedMs: number): number {
  if (wasKilled) {
    return earlyCount;
  }
  return livedMs < EARLY_MS ? earlyCount + 1 : 1;
}
