import type { LedBranch, RegisteredBelow } from '@atone/core';
import { CallsInFlightError, TransactionOverError } from './led.errors.js';
import type { Enlisted } from './scope.port.js';

/** The longest id that a branch may have. */
const BRANCH_ID_CHARS_MAX = 256;

/** The branch that a call itself is at its participant; absent where the call is a request of another kind. */
export type OwnBranch = Pick<LedBranch, 'service' | 'action' | 'kind'>;

/** A call that is under way, or a part of the work that makes calls. */
interface Flight {
  readonly label: string;
  /** The id of a call; absent where it is a part of the work. */
  readonly branchId?: string;
  readonly number?: number;
  readonly own: readonly LedBranch[];
  /** How many of its attempts may have reached somebody. */
  leftCount: number;
  /** Of a part with a scope of its own: ends it, with all that it has enlisted, as thrown. */
  readonly abandon?: (() => void) | undefined;
}

/** What a call has enlisted, and which one it was. */
interface Settled extends Enlisted {
  readonly number: number;
}

/** What became of the calls of a scope that is over. */
export interface ScopeEnd {
  /** What returned normally, in the order in which it did. */
  readonly returned: readonly Settled[];
  /** What threw, as far as it is known. */
  readonly thrown: readonly LedBranch[];
  /** The numbers of calls that threw, or were sent more than once: more may exist below them than anybody tells. */
  readonly unclear: ReadonlySet<number>;
}

/** The calls of a scope as they stand. */
export interface ScopeCalls {
  readonly returned: readonly LedBranch[];
  readonly thrown: readonly LedBranch[];
  readonly inFlight: readonly {
    readonly branchId: string;
    readonly label: string;
    /** The branch that it is; none where it is a request of another kind. */
    readonly own: readonly LedBranch[];
  }[];
}

/** One call, from the moment in which it is made. */
export interface OpenCall {
  readonly branchId: string;
  /** Whether nobody waits for it any more: it returned, threw, or was given up. */
  readonly isSettled: boolean;
  /** How many of its attempts may have reached somebody. A branch is undone only where one has. */
  readonly leftCount: number;
  /** To be told right before an attempt leaves this process. Returns false when it must not: the call is settled. */
  leaves(): boolean;
  /** The attempt that was to leave has proved never to have left. */
  stayed(): void;
  /** To be told before it is sent again: what the first time has left below it is on no list. */
  repeated(): void;
  /** It returned normally, with what it enlisted. Does nothing to a call that is settled. */
  returned(enlisted: Enlisted): void;
  /**
   * It threw. What is known to be there, by default its own branch, is undone whatever is decided; nothing is there of a call
   * that never left. Does nothing to a call that is settled.
   */
  threw(known?: readonly LedBranch[]): void;
}

/**
 * The calls of one initiator or one run: numbered where they are made, and sorted by what became of them.
 *
 * Bookkeeping alone: it does nothing by itself, and knows no time.
 */
export class Scope {
  readonly #inFlight = new Set<Flight>();
  readonly #returned: Settled[] = [];
  readonly #thrown: LedBranch[] = [];
  readonly #unclear = new Set<number>();
  readonly #nested = new Set<Scope>();
  readonly #onClose = new Set<() => void>();
  #lastNumber = 0;
  #isOver = false;
  #abortReason: string | undefined;

  /** `prefix` is what the ids of its calls begin with: nothing for an initiator's, `2~k7.` for a run's. */
  constructor(
    readonly prefix: string,
    private readonly gid: string,
    private readonly parent?: Scope,
  ) {}

  get isOver(): boolean {
    return this.#isOver || this.parent?.isOver === true;
  }

  /** Why nothing of it may be kept, if somebody has said so. */
  get abortReason(): string | undefined {
    return this.#abortReason;
  }

  /** What is in flight, as it is called in messages. */
  get inFlight(): readonly string[] {
    return Array.from(this.#inFlight, ({ label, branchId }) =>
      branchId === undefined ? label : `${label} (call ${branchId})`,
    );
  }

  /** Its calls, and those of its parts that are kept or undone for themselves. */
  get calls(): ScopeCalls {
    const nested = Array.from(this.#nested, ({ calls }) => calls);
    const own = Array.from(this.#inFlight).flatMap(({ branchId, label, own: branches }) =>
      branchId === undefined ? [] : [{ branchId, label, own: branches }],
    );
    return {
      returned: [
        ...this.#returned.flatMap(({ below }) => below),
        ...nested.flatMap(({ returned }) => returned),
      ],
      thrown: [...this.#thrown, ...nested.flatMap(({ thrown }) => thrown)],
      inFlight: [...own, ...nested.flatMap(({ inFlight }) => inFlight)],
    };
  }

  /** Keeps all of it from being kept. The first reason stays. */
  setAbortOnly(reason: string): void {
    this.#refuseIfOver('marked for abort');
    this.#abortReason ??= reason;
  }

  /** Numbers a call and counts it as in flight. @throws TransactionOverError when the scope is over. */
  begin(label: string, branch?: OwnBranch): OpenCall {
    this.#refuseIfOver(`used for a call of ${label}`);
    const number = this.#drawNumber();
    const branchId = `${this.prefix}${number}`;
    if (branchId.length > BRANCH_ID_CHARS_MAX) {
      throw new RangeError(`The call of ${label} lies too deep: its id would be ${branchId}.`);
    }
    const own = branch === undefined ? [] : [{ branchId, ...branch }];
    // Of a call that is no branch nobody tells when it leaves.
    const flight: Flight = { label, branchId, number, own, leftCount: branch === undefined ? 1 : 0 };
    this.#inFlight.add(flight);
    return this.#callOf(flight, branchId);
  }

  /**
   * Counts a part of the work as in flight that makes calls of this scope. Returns what ends it.
   *
   * A part whose calls are in a nested scope gives `abandon`: it is told when this scope ends before the part does, and has the
   * nested one absorbed as thrown. Else its branches would be on no list.
   */
  join(label: string, abandon?: () => void): () => void {
    this.#refuseIfOver(`joined by ${label}`);
    const flight: Flight = { label, own: [], leftCount: 1, abandon };
    this.#inFlight.add(flight);
    return () => void this.#inFlight.delete(flight);
  }

  /** Calls `callback` when the scope ends. Returns what keeps it from that. */
  onClose(callback: () => void): () => void {
    this.#onClose.add(callback);
    return () => void this.#onClose.delete(callback);
  }

  /** Returns a scope that shares the numbers of this one, and is kept or undone for itself. */
  nest(): Scope {
    const nested = new Scope(this.prefix, this.gid, this);
    this.#nested.add(nested);
    return nested;
  }

  /** Takes over what a nested scope has enlisted: as returned, or as thrown with all of it. */
  absorb({ returned, thrown, unclear }: ScopeEnd, how: 'returned' | 'threw'): void {
    if (how === 'returned') {
      this.#returned.push(...returned);
    } else {
      this.#thrown.push(...returned.flatMap(({ below }) => below));
      returned.forEach(({ number }) => this.#unclear.add(number));
    }
    this.#thrown.push(...thrown);
    unclear.forEach((number) => this.#unclear.add(number));
  }

  /** Ends the scope if nothing is in flight. @throws CallsInFlightError otherwise, and the scope stays as it is. */
  collect(): ScopeEnd {
    const { inFlight } = this;
    if (inFlight.length > 0) {
      throw new CallsInFlightError(this.gid, inFlight);
    }
    return this.close();
  }

  /** Ends the scope, whatever is in flight: such calls and parts count as thrown, and what they answer comes too late. */
  close(): ScopeEnd {
    this.#isOver = true;
    if (this.parent !== undefined) {
      this.parent.#nested.delete(this);
    }
    for (const flight of this.#inFlight) {
      this.#throwAway(flight, flight.own);
      flight.abandon?.();
    }
    this.#onClose.forEach((callback) => callback());
    this.#onClose.clear();
    return { returned: [...this.#returned], thrown: [...this.#thrown], unclear: new Set(this.#unclear) };
  }

  #drawNumber(): number {
    if (this.parent !== undefined) {
      return this.parent.#drawNumber();
    }
    this.#lastNumber += 1;
    return this.#lastNumber;
  }

  #callOf(flight: Flight, branchId: string): OpenCall {
    const inFlight = this.#inFlight;
    return {
      branchId,
      get isSettled() {
        return !inFlight.has(flight);
      },
      get leftCount() {
        return flight.leftCount;
      },
      leaves: () => {
        flight.leftCount += inFlight.has(flight) ? 1 : 0;
        return inFlight.has(flight);
      },
      stayed: () => {
        flight.leftCount -= 1;
      },
      repeated: () => this.#doubt(flight),
      returned: (enlisted) => {
        if (inFlight.delete(flight)) {
          this.#returned.push({ ...enlisted, number: flight.number ?? 0 });
        }
      },
      threw: (known = flight.own) => this.#throwAway(flight, known),
    };
  }

  #throwAway(flight: Flight, known: readonly LedBranch[]): void {
    if (this.#inFlight.delete(flight) && flight.leftCount > 0) {
      this.#doubt(flight);
      this.#thrown.push(...known);
    }
  }

  #doubt({ number }: Flight): void {
    if (number !== undefined) {
      this.#unclear.add(number);
    }
  }

  #refuseIfOver(use: string): void {
    if (this.isOver) {
      throw new TransactionOverError(this.gid, use);
    }
  }
}

/** Returns all branches that returned, and all lists that were registered. */
export function enlistedOf({ returned }: ScopeEnd): {
  readonly below: LedBranch[];
  readonly registered: RegisteredBelow[];
} {
  return {
    below: returned.flatMap(({ below }) => below),
    registered: returned.flatMap(({ registered }) => registered),
  };
}
