import type { KAFKA_TIMED_FAULTS, TimedFault } from '../plan/fault.js';
import { actAtRandom } from './operator.js';
import { failOver } from './failover.js';
import type { World } from './world.js';

/** Whatever was due just then may be late by as much: a clock that is wrong makes slow, and nothing worse. */
const CLOCK_JUMP_MS = 240_000;

const LOG_CLOCK_JUMP_MS = 20_000;

/** The longest that a copy of the log lags behind. */
const LOST_MS = 2_000;

/** Brings a timed fault about. */
export function strikeAt(world: World, fault: TimedFault): void {
  const coordinator = chosen(world.coordinators, fault.choice);
  const participant = chosen(world.participants, fault.otherChoice);
  const { forMs } = fault;
  switch (fault.kind) {
    case 'kill-coordinator':
      coordinator.kill(forMs);
      return;
    case 'stop-coordinator':
      coordinator.stop(forMs);
      return;
    case 'pause-coordinator':
      // About as long as its lease: whoever comes back then believes what somebody else has changed a moment ago.
      coordinator.freeze(world.options.leaseMs * (0.8 + 2 * fault.otherChoice));
      return;
    case 'kill-participant':
      participant.kill(Math.min(forMs, 500));
      return;
    case 'participant-down':
      participant.kill(forMs);
      return;
    case 'action-gone':
      participant.redeploy(forMs);
      return;
    case 'pause-participant':
      participant.freeze(forMs);
      return;
    case 'cut-command':
      cut(world, { from: coordinator.name, to: participant.name, forMs });
      return;
    case 'cut-reply':
      cut(world, { from: participant.name, to: coordinator.name, forMs });
      return;
    case 'cut-log-request':
      cut(world, { from: coordinator.name, to: 'log', forMs });
      return;
    case 'cut-log-answer':
      cut(world, { from: 'log', to: coordinator.name, forMs });
      return;
    case 'clock-jump':
      coordinator.clock?.jump((fault.otherChoice - 0.5) * CLOCK_JUMP_MS);
      return;
    case 'log-clock-jump':
      world.logClock.jump((fault.otherChoice - 0.3) * LOG_CLOCK_JUMP_MS);
      return;
    case 'operator':
      actAtRandom(world, fault);
      return;
    case 'night':
      world.nights.pass();
      return;
    case 'failover':
      failOver(world, fault.choice * LOST_MS);
      return;
    case 'rebalance':
    case 'brokers-away':
    case 'cut-kafka':
    case 'offsets-earliest':
    case 'offsets-latest':
    case 'topic-truncated':
    case 'poison':
      strikeBrokers(world, fault.kind, fault);
      return;
  }
}

/** Brings about what befalls the brokers. */
function strikeBrokers(
  { kafka, processes }: World,
  kind: (typeof KAFKA_TIMED_FAULTS)[number],
  { choice, otherChoice, forMs }: TimedFault,
): void {
  switch (kind) {
    case 'rebalance':
      kafka?.rebalance(choice);
      return;
    case 'brokers-away':
      kafka?.goAway(forMs);
      return;
    case 'cut-kafka':
      kafka?.cut(chosen(processes, choice), forMs);
      return;
    case 'offsets-earliest':
      kafka?.resetOffsets(choice, 'begin');
      return;
    case 'offsets-latest':
      kafka?.resetOffsets(choice, 'end');
      return;
    case 'topic-truncated':
      kafka?.truncate(choice);
      return;
    case 'poison':
      kafka?.poison(choice, otherChoice);
      return;
  }
}

function chosen<Item>(items: readonly Item[], choice: number): Item {
  return items[Math.floor(choice * items.length)] as Item;
}

function cut(
  world: World,
  line: { readonly from: string; readonly to: string; readonly forMs: number },
): void {
  const { from, to, forMs } = line;
  world.network.cut(from, to);
  world.scheduler.after(forMs, () => {
    world.network.heal(from, to);
  });
}
