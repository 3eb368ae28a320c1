import { nodeClientPorts } from '../node/client.node.js';
import { systemClock } from '../node/system-clock.js';

/** The time of this process. */
export interface KafkaCommandsClock {
  /** In ms since 1970. */
  now(): number;
  setTimer(delayMs: number, callback: () => void): { cancel(): void };
}

/** Returns the system's, whose timers keep no process from ending. */
export function defaultClock(): KafkaCommandsClock {
  const { clock } = nodeClientPorts();
  return {
    now: () => systemClock.now(),
    setTimer: (delayMs, callback) => clock.setTimer(delayMs, callback, { isBackground: true }),
  };
}
