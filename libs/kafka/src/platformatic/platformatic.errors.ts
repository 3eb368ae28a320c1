import type { Place } from '../consuming/group.work.js';
import { PartlyStoredError } from '../stored.places.js';

/** All that is left of the broker's answer where the library has asked about topics. */
const UNKNOWN_TOPIC = /^Unknown topic /u;

/** Returns the broker's names for what went wrong, which may be deep in an error. */
export function brokerCodes(error: unknown): readonly string[] {
  if (!(error instanceof Error)) {
    return [];
  }
  if ('apiId' in error && typeof error.apiId === 'string') {
    return [error.apiId];
  }
  if (UNKNOWN_TOPIC.test(error.message)) {
    return ['UNKNOWN_TOPIC_OR_PARTITION'];
  }
  const inside = error instanceof AggregateError ? error.errors : [];
  return inside.length > 0 ? inside.flatMap(brokerCodes) : brokerCodes(error.cause);
}

/** Returns the partitions that have their records although the request of others has failed. */
export function storedPlaces(error: unknown): readonly Place[] {
  if (error instanceof PartlyStoredError) {
    return error.stored;
  }
  if (!(error instanceof Error)) {
    return [];
  }
  const { produced, response } = error as ProduceError;
  const inside = error instanceof AggregateError ? error.errors : [];
  return [
    ...(produced?.offsets ?? []),
    ...(response?.responses ?? []).flatMap(({ name, partitionResponses = [] }) =>
      partitionResponses
        .filter(({ errorCode }) => errorCode === 0)
        .map(({ index }) => ({ topic: name, partition: index })),
    ),
    ...inside.flatMap(storedPlaces),
  ];
}

/** What the library notes in errors of requests to store, of several brokers and of one. */
interface ProduceError {
  readonly produced?: { readonly offsets?: readonly Place[] };
  readonly response?: {
    readonly responses?: readonly {
      readonly name: string;
      readonly partitionResponses?: readonly { readonly index: number; readonly errorCode: number }[];
    }[];
  };
}
