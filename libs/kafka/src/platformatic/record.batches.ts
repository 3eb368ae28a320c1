import type { KafkaRecord, RecordsBatch } from '@platformatic/kafka';
import type { Place } from '../consuming/group.work.js';
import type { ReceivedRecord } from '../kafka.port.js';

/** What a broker notes about transactions of Kafka's own, for no reader. */
const IS_CONTROL = 0b10_0000;

/** The time is that of the broker, and the same for all records of the batch. */
const HAS_APPEND_TIME = 0b1000;

/** Returns the offset behind these batches. */
export function endOf(batches: readonly RecordsBatch[]): bigint | undefined {
  const last = batches.at(-1);
  return last === undefined ? undefined : last.firstOffset + BigInt(last.lastOffsetDelta) + 1n;
}

/** Returns the records of these batches. */
export function recordsOf(place: Place, batches: readonly RecordsBatch[]): readonly ReceivedRecord[] {
  return batches
    .filter(({ attributes }) => (attributes & IS_CONTROL) === 0)
    .flatMap((batch) => batch.records.map((record) => received(place, batch, record)));
}

function received(
  { topic, partition }: Place,
  { attributes, firstOffset, firstTimestamp, maxTimestamp }: RecordsBatch,
  record: KafkaRecord,
): ReceivedRecord {
  const hasAppendTime = (attributes & HAS_APPEND_TIME) !== 0;
  return {
    topic,
    partition,
    offset: firstOffset + BigInt(record.offsetDelta),
    key: record.key?.toString(),
    value: record.value?.toString(),
    headers: textsOf(record.headers),
    timestamp: Number(hasAppendTime ? maxTimestamp : firstTimestamp + record.timestampDelta),
  };
}

/** Without lists of pairs in between: there are several headers to each record. */
function textsOf(headers: KafkaRecord['headers']): Record<string, string> {
  const texts: Record<string, string> = {};
  for (const [name, value] of headers) {
    texts[name?.toString() ?? ''] = value?.toString() ?? '';
  }
  return texts;
}
