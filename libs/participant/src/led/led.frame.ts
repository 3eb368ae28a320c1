import type { Random } from '@atone/core';
import type { LedContext } from '@atone/protocol';
import type { ElapsedClock } from '../client.ports.js';
import type { ParticipantClock } from '../clock.port.js';
import type { LedLog } from './led.log.js';
import type { Scope } from './scope.js';

/** What led transactions need from the machine they run on. */
export interface LedPorts {
  readonly clock: ElapsedClock;
  /** Only for deadlines as people see them. */
  readonly time: ParticipantClock;
  readonly random: Random;
}

/** What is known, anywhere below an initiator or a run, of the led transaction that it is part of. */
export interface LedFrame {
  readonly gid: string;
  readonly led: LedContext;
  /** Known to the initiator alone. */
  readonly name?: string | undefined;
  /** By `clock`. */
  readonly deadlineAt: number;
  /** The same as people see it. */
  readonly deadline: Date;
  readonly lane?: string | undefined;
  readonly traceparent?: string | undefined;
  readonly baggage?: string | undefined;
  readonly isInitiator: boolean;
  readonly scope: Scope;
  readonly ports: LedPorts;
  /** Of the process that leads it. */
  readonly log?: LedLog | undefined;
  /** Is told of each call before it is made. */
  readonly onCall?: (() => void) | undefined;
  /** Takes what is to run once the outcome is known; absent where it never will be. */
  readonly afterwards?: Afterwards | undefined;
}

/** What is to run once the outcome is known. */
export interface Afterwards {
  readonly onCommit: (() => unknown)[];
  readonly onAbort: (() => unknown)[];
}

/** Returns how many ms are left until the deadline: less than 0 after it. */
export function remainingMs({ deadlineAt, ports }: LedFrame): number {
  return deadlineAt - ports.clock.now();
}
