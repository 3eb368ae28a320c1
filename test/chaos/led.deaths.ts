import { ENGINE_FAILPOINTS } from '@atone/engine/testing';
import { LED_FAILPOINTS, PARTICIPANT_FAILPOINTS } from '@atone/participant/testing';
import type { DeathBed } from './led.run.js';
import { LED_SERVICES, type LedService } from './led.world.js';

/** More holds than an answer has room for: the purse registers them. */
const LONG = { holdsBelow: 100, amount: 100, timeoutMs: 15_000 };

/** More branches than the office wants to send with its commit: it registers them. */
const MANY = { holdsBelow: 30, amount: 30, timeoutMs: 15_000 };

/** The purse makes calls of its own. */
const TWO_BELOW = { holdsBelow: 2 };

/** Those that a led transaction passes. */
const LED_ENGINE_POINTS = ENGINE_FAILPOINTS.filter((name) => !name.startsWith('engine.accept.'));
const LED_PARTICIPANT_POINTS = PARTICIPANT_FAILPOINTS.filter(
  (name) => !name.startsWith('participant.removal.'),
);
/** Those that a participant passes whose action calls others; all else is the initiator's. */
const CALLER_POINTS = LED_FAILPOINTS.filter((name) => /^led\.(?:call|register)\./u.test(name));

/** Every place where a process can die in the midst of a led transaction. */
export const DEATHS: readonly DeathBed[] = [
  ...LED_SERVICES.flatMap((service) => LED_PARTICIPANT_POINTS.map((name) => participantDeath(service, name))),
  ...LED_ENGINE_POINTS.map(engineDeath),
  ...LED_FAILPOINTS.map(initiatorDeath),
  ...CALLER_POINTS.map(callerDeath),
];

/** Returns the failpoints of a process, among which one may be drawn. */
export function failpointsOf(victim: DeathBed['victim']): readonly string[] {
  const kin = victim === 'second-coordinator' ? 'coordinator' : victim;
  return DEATHS.filter((death) => death.victim === kin).map(({ failpoint }) => failpoint);
}

function participantDeath(victim: LedService, failpoint: string): DeathBed {
  if (failpoint.startsWith('participant.doubt.')) {
    return { victim, failpoint, needsDoubt: true };
  }
  return { victim, failpoint, booking: { regrets: failpoint.startsWith('participant.compensate.') } };
}

function engineDeath(failpoint: string): DeathBed {
  const isOfLongList = failpoint.startsWith('engine.register.') || failpoint.startsWith('engine.first.');
  return {
    victim: 'coordinator',
    failpoint,
    needsDoubt: failpoint.startsWith('engine.doubt.'),
    ...(isOfLongList ? { booking: LONG } : {}),
  };
}

/**
 * Of calls the second: by then a branch of its own is done, and others are being called; unless the booking of another death, of which
 * there are several at once, passes in between.
 */
function initiatorDeath(failpoint: string): DeathBed {
  return {
    victim: 'office',
    failpoint,
    ...(failpoint.startsWith('led.call.') ? { pass: 2 } : {}),
    ...(failpoint.startsWith('led.register.') ? { booking: MANY } : {}),
  };
}

function callerDeath(failpoint: string): DeathBed {
  return {
    victim: 'purse',
    failpoint,
    ...(failpoint.startsWith('led.call.') ? { pass: 2, booking: TWO_BELOW } : { booking: LONG }),
  };
}
