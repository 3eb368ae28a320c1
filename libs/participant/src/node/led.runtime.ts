import type { LedPorts } from '../led/led.frame.js';
import { createPortLedRuntime, type Registrar } from '../led/run.js';
import type { LedRuntime } from '../led/scope.port.js';
import { elapsedClock, nodeClientPorts } from './client.node.js';
import { systemClock } from './system-clock.js';

/** Returns the real clock and dice. */
export function nodeLedPorts(): LedPorts {
  return { clock: elapsedClock, time: systemClock, random: nodeClientPorts().random };
}

/** Returns what gives executions of branches their scopes; lists that are too long are registered with `registrar`. */
export function createLedRuntime(options: { readonly registrar?: Registrar | undefined } = {}): LedRuntime {
  return createPortLedRuntime(options, nodeLedPorts());
}
