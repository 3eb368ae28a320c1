import type { Place } from './consuming/group.work.js';
import type { PlacedRecord } from './library.port.js';

/** Some partitions have their records, and others are not known to. */
export class PartlyStoredError extends Error {
  override readonly name = 'PartlyStoredError';

  constructor(
    readonly stored: readonly Place[],
    cause: unknown,
  ) {
    super('Some partitions have not told that they have their records.', { cause });
  }
}

/** Finds records of whose partition no broker has told that it has them. @throws {PartlyStoredError} */
export function refuseUnanswered(records: readonly PlacedRecord[], answers: readonly Place[]): void {
  const answered = new Map<string, Set<number>>();
  for (const { topic, partition } of answers) {
    const ofTopic = answered.get(topic) ?? new Set();
    answered.set(topic, ofTopic.add(partition));
  }
  const unanswered = records.find(({ topic, partition }) => answered.get(topic)?.has(partition) !== true);
  if (unanswered !== undefined) {
    const { topic, partition } = unanswered;
    throw new PartlyStoredError(answers, new Error(`no word of partition ${partition} of ${topic}`));
  }
}
