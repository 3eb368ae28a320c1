import { mintGid } from '@atone/core';
import { ROW_FORMAT, type StoredRow } from '@atone/engine';
import { SeededRandom } from '@atone/engine/testing';
import type { World } from './world.js';

/** Rows that this version must leave alone: one of a later format, and one that makes no sense. */
export const STRANGE_NAMES = { newer: 'newer', unreadable: 'unreadable' } as const;

/** Puts rows into the log that nobody here can drive. They must delay nothing else. */
export function plantStrangeRows(world: World): void {
  const random = new SeededRandom(7);
  const row = (name: string, change: Partial<StoredRow>): StoredRow => ({
    gid: mintGid(world.logClock.now(), 0, random),
    kind: 'saga',
    format: ROW_FORMAT,
    version: 1,
    name,
    tags: {},
    services: [],
    state: 'running',
    isPaused: false,
    acceptedAt: world.logClock.now(),
    updatedAt: world.logClock.now(),
    plan: {},
    progress: {},
    ...change,
  });
  world.log.plant(row(STRANGE_NAMES.newer, { format: ROW_FORMAT + 1 }));
  world.log.plant(row(STRANGE_NAMES.unreadable, {}));
}
