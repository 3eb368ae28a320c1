import type { InstanceFacts } from '@atone/engine';

/** Reads what an instance told of itself. A newer one may tell it otherwise; then it has told nothing. */
export function factsOf(told: unknown): InstanceFacts | undefined {
  if (typeof told !== 'object' || told === null) return undefined;
  const { version, format, url, kafkaPrefix, replyPartitions, isStandby } = told as Readonly<
    Record<string, unknown>
  >;
  if (typeof version !== 'string' || typeof format !== 'number') return undefined;
  return {
    version,
    format,
    url: typeof url === 'string' ? url : undefined,
    kafkaPrefix: typeof kafkaPrefix === 'string' || kafkaPrefix === null ? kafkaPrefix : undefined,
    replyPartitions: isNumbers(replyPartitions) ? replyPartitions : undefined,
    isStandby: isStandby === true ? true : undefined,
  };
}

function isNumbers(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'number');
}
