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
  const answered = new Set(answers.map(keyOf));
  const unanswered = records.find((record) => !answered.has(keyOf(record)));
  if (unanswered !== undefined) {
    const { topic, partition } = unanswered;
    throw new PartlyStoredError(answers, new Error(`no word of partition ${partition} of ${topic}`));
  }
}

function keyOf({ topic, partition }: Place): string {
  return `${topic}/${partition}`;
}
