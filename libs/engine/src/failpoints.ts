import { failpoint, type Durability } from '@atone/core';

/** Where a test may stop or crash a coordinator: around each write that others rely on, and before others' work is taken. */
export const ENGINE_FAILPOINTS = [
  'engine.accept.beforeWrite',
  'engine.accept.afterWrite',
  'engine.first.beforeWrite',
  'engine.first.afterWrite',
  'engine.end.beforeWrite',
  'engine.end.afterWrite',
  'engine.recover.beforeClaim',
  'engine.decide.beforeWrite',
  'engine.decide.afterWrite',
  'engine.register.beforeWrite',
  'engine.register.afterWrite',
  'engine.doubt.beforeWrite',
  'engine.doubt.afterWrite',
] as const;

export type EngineFailpoint = (typeof ENGINE_FAILPOINTS)[number];

/** What a write of a saga is for, when something waits for it. */
export type Urgency = Exclude<Durability, 'lazy'>;

/** What the first row of a led transaction is inserted for, when its initiator or a participant waits for it. */
export type InsertionPoint = 'engine.decide' | 'engine.register';

/** Marks one of them. */
export function reached(name: EngineFailpoint): void | Promise<void> {
  return failpoint(name);
}
