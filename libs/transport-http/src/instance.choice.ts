import { bestRank } from '@atone/engine';
import type { HttpInstance } from './participant.address.js';

/** What is known of an instance beside its entry in the catalogue. */
export interface InstanceHealth {
  /** Whether another request may be in flight to it. */
  hasRoom(instance: HttpInstance): boolean;
  /** Whether it could not be reached a moment ago. */
  isAvoided(instance: HttpInstance): boolean;
}

/** `none`: nobody is known who could take it. `full`: somebody is, but has to return a request first. */
export type Choice =
  | { readonly type: 'instance'; readonly instance: HttpInstance }
  | { readonly type: 'full' }
  | { readonly type: 'none' };

export interface Wanted {
  readonly lane: string | undefined;
  /** Counts the choices, so that the instances take turns. */
  readonly turn: number;
  readonly nowMs: number;
}

/**
 * Returns who is asked next: an instance that was seen lately in the lane, else one without a lane, else one of those
 * that are gone, in the same order. Another lane's instance is never asked.
 *
 * An instance that could not be reached a moment ago is passed over while another of the same rank is there, even if
 * that one is full.
 */
export function chooseInstance(
  instances: readonly HttpInstance[],
  wanted: Wanted,
  health: InstanceHealth,
): Choice {
  const rank = bestRank(instances, wanted);
  if (rank.length === 0) {
    return { type: 'none' };
  }
  const reachable = rank.filter((instance) => !health.isAvoided(instance));
  const free = (reachable.length === 0 ? rank : reachable).filter((instance) => health.hasRoom(instance));
  const instance = free[wanted.turn % free.length];
  return instance === undefined ? { type: 'full' } : { type: 'instance', instance };
}
