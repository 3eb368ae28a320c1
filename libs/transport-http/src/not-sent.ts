import type { Clock } from '@atone/engine';
import type { BranchCommand, CatalogueInstance } from '@atone/protocol';
import type { InstanceLoad } from './instance.load.js';
import { routeOf } from './service.queue.js';

interface Circumstances {
  readonly instances: readonly CatalogueInstance[];
  readonly load: InstanceLoad;
  readonly clock: Clock;
}

/** Returns a sentence about why the command could not leave in its time. */
export function notSentMessage(command: BranchCommand, { instances, load, clock }: Circumstances): string {
  const { service, action, op } = command;
  const all = load.inFlight(instances);
  const ofRoute = load.inFlight(instances, routeOf(command));
  if (all.count === 0) {
    return 'It was not sent: its time was over before it could leave.';
  }
  // Where half of the room or more is its own route's, that one is to blame.
  const isOwnFault = ofRoute.count * 2 >= all.count;
  const { count, oldestAt } = isOwnFault ? ofRoute : all;
  const what = op === 'action' || op === 'close-action' ? action : `undos of ${action}`;
  const where = isOwnFault ? `${what} of ${service}` : service;
  const requests = count === 1 ? '1 request' : `${count} requests`;
  const are = count === 1 ? 'is' : 'are';
  return `It was not sent: ${requests} to ${where} ${are} in flight, the oldest for ${age(clock.now() - oldestAt)}.`;
}

function age(ms: number): string {
  return ms < 1_000 ? `${Math.max(0, Math.round(ms))} ms` : `${Math.floor(ms / 1_000)} s`;
}
