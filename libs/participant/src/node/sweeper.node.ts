import { createPortDoubtSweeper, type DoubtSweeper, type SweeperOptions } from '../doubt.sweeper.js';
import { nodeClientPorts } from './client.node.js';

/**
 * Returns the sweeper of a service's branches in doubt; it does nothing before `start`.
 *
 * @throws MisuseError for options that cannot work, RangeError for what is no duration.
 */
export function createDoubtSweeper(options: SweeperOptions): DoubtSweeper {
  return createPortDoubtSweeper(options, nodeClientPorts());
}
