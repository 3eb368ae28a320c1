import { createPortJanitor, type BarrierJanitor, type JanitorOptions } from '../barrier.janitor.js';
import { nodeClientPorts } from './client.node.js';

/**
 * Returns the janitor of a service's barrier; it does nothing before `start`.
 *
 * @throws MisuseError for options that cannot work, RangeError for what is no duration.
 */
export function createJanitor(options: JanitorOptions): BarrierJanitor {
  return createPortJanitor(options, nodeClientPorts());
}
