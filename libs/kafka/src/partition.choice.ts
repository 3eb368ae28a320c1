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
  return partition ?? (hashOf(key) & 0x7fffffff) % partitionCount;
}

/** Keys of usual length share it, or each would be given memory of its own. A character takes three octets at most. */
const scratch = Buffer.alloc(256);

function hashOf(key: string): number {
  return key.length * 3 > scratch.length ? murmur2(Buffer.from(key)) : murmur2(scratch, scratch.write(key));
}

/** Returns Kafka's variant of MurmurHash 2, of the first `length` octets. */
export function murmur2(bytes: Buffer, length = bytes.length): number {
  const wholeLength = length - (length % 4);
  let hash = SEED ^ length;
  for (let position = 0; position < wholeLength; position += 4) {
    const mixed = Math.imul(bytes.readInt32LE(position), FACTOR);
    hash = Math.imul(hash, FACTOR) ^ Math.imul(mixed ^ (mixed >>> SHIFT), FACTOR);
  }
  if (wholeLength < length) {
    hash = Math.imul(hash ^ bytes.readUIntLE(wholeLength, length - wholeLength), FACTOR);
  }
  hash = Math.imul(hash ^ (hash >>> 13), FACTOR);
  return hash ^ (hash >>> 15);
}
