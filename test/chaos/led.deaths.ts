import { ENGINE_FAILPOINTS } from '@atone/engine/testing';
import { PARTICIPANT_FAILPOINTS } from '@atone/participant';
import type { DeathBed } from './led.run.js';
import { LED_SERVICES, type LedService } from './led.world.js';

/** More holds than an answer has room for: the purse registers them. */
const LONG = { holdsBelow: 100, amount: 100, timeoutMs: 15_000 };

const OFFICE_POINTS = [
  'office.work.beforeFirstCall',
  'office.work.betweenCalls',
  'office.work.afterLastCall',
  'office.decision.beforeRequest',
  'office.decision.beforeAnswer',
];

/** Those that a led transaction passes. */
const LED_ENGINE_POINTS = ENGINE_FAILPOINTS.filter((name) => !name.startsWith('engine.accept.'));
const LED_PARTICIPANT_POINTS = PARTICIPANT_FAILPOINTS.filter(
  (name) => !name.startsWith('participant.removal.'),
);

/** Every place where a process can die in the midst of a led transaction. */
export const DEATHS: readonly DeathBed[] = [
  ...LED_SERVICES.flatMap((service) => LED_PARTICIPANT_POINTS.map((name) => participantDeath(service, name))),
  ...LED_ENGINE_POINTS.map(engineDeath),
  ...OFFICE_POINTS.map((failpoint): DeathBed => ({ victim: 'office', failpoint })),
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
