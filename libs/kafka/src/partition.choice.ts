import type { OutgoingRecord } from './kafka.port.js';

const SEED = 0x9747b28c;
const FACTOR = 0x5bd1e995;
const SHIFT = 24;

/**
 * Returns the partition of a record: the one that it names, or that of its key.
 *
 * Kafka's own clients choose the same one for a key, whoever sends, so that one key has one partition.
 */
export function partitionOf({ key, partition }: OutgoingRecord, partitionCount: number): number {
  return partition ?? (murmur2(Buffer.from(key)) & 0x7fffffff) % partitionCount;
}

/** Kafka's variant of MurmurHash 2. */
export function murmur2(bytes: Buffer): number {
  const wholeLength = bytes.length - (bytes.length % 4);
  let hash = SEED ^ bytes.length;
  for (let position = 0; position < wholeLength; position += 4) {
    const mixed = Math.imul(bytes.readInt32LE(position), FACTOR);
    hash = Math.imul(hash, FACTOR) ^ Math.imul(mixed ^ (mixed >>> SHIFT), FACTOR);
  }
  if (wholeLength < bytes.length) {
    hash = Math.imul(hash ^ bytes.readUIntLE(wholeLength, bytes.length - wholeLength), FACTOR);
  }
  hash = Math.imul(hash ^ (hash >>> 13), FACTOR);
  return hash ^ (hash >>> 15);
}
