import type { CatalogueInstance } from '@atone/protocol';

/** Whom nobody could be found for over HTTP. */
export interface Nobody {
  readonly service: string;
  readonly lane: string | undefined;
  /** All instances of the service that the catalogue knows, however they are reached. */
  readonly instances: readonly CatalogueInstance[];
}

/**
 * Returns what to tell people of a command that nobody takes over HTTP. Lanes are named only where they are what keeps an instance
 * from being asked: most people have none.
 */
export function nobodyWords({ service, lane, instances }: Nobody): string {
  if (instances.length === 0) {
    return `No instance of the service '${service}' is registered.`;
  }
  const inLane = instances.filter((instance) => instance.lane === undefined || instance.lane === lane);
  const topics = new Set(inLane.flatMap(({ kafka }) => kafka?.topic ?? []));
  if (topics.size > 0) {
    return (
      `The service '${service}' takes commands over Kafka alone, at ${[...topics].toSorted().join(', ')}, and this coordinator ` +
      `has no Kafka. Give it the ATONE_KAFKA_* of the others, or have the service listen for requests as well.`
    );
  }
  const where = lane === undefined ? 'outside of lanes' : `in the lane '${lane}' or outside of lanes`;
  return `No instance of the service '${service}' is known ${where}.`;
}
