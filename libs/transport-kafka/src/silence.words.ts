import { INSTANCE_GONE_AFTER_MS } from '@atone/engine';
import type { CatalogueInstance } from '@atone/protocol';

/** Where nobody has answered, and what is known of those who should have. */
export interface Silence {
  readonly service: string;
  readonly topic: string;
  /** All instances of the service that the catalogue knows. */
  readonly instances: readonly CatalogueInstance[];
  readonly nowMs: number;
}

/** Returns what to tell people of a command that has left and is not answered: who was asked, who is there, what to look at. */
export function silenceWords({ service, topic, instances, nowMs }: Silence): string {
  const asked = `No reply came in time from the service '${service}', asked over ${topic}`;
  const readers = instances.filter(({ kafka }) => kafka?.topic === topic);
  if (readers.length === 0) {
    return `${asked}: no instance that reads it is registered any more. Start one, and it finds there what was sent.`;
  }
  const latestAt = Math.max(...readers.map(({ seenAt }) => seenAt));
  const lastSeen = `last seen ${agoText(nowMs - latestAt)} ago`;
  const present = readers.filter(({ seenAt }) => nowMs - seenAt < INSTANCE_GONE_AFTER_MS);
  if (present.length === 0) {
    return `${asked}: none of its instances is there (${readers.length} known, ${lastSeen}). Start one, and it finds there what was sent.`;
  }
  const there = present.length === 1 ? 'one instance is' : `${present.length} instances are`;
  return (
    `${asked}: ${there} there (${lastSeen}). Look in the log of the service for trouble with Kafka or for long work, ` +
    `and whether the consumer group of the topic lags behind.`
  );
}

function agoText(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  if (seconds < 120) {
    return `${seconds} s`;
  }
  const minutes = Math.round(seconds / 60);
  return minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 60)} h`;
}
