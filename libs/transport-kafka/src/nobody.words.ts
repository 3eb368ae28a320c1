import { isCommandsTopic, type BranchCommand, type CatalogueInstance } from '@atone/protocol';

/** Whom nobody could be found for over Kafka. */
export interface Nobody {
  readonly command: Pick<BranchCommand, 'service' | 'lane'>;
  /** All instances of the service that the catalogue knows, however they are reached. */
  readonly instances: readonly CatalogueInstance[];
  /** What the names of this installation's topics begin with. */
  readonly prefix: string;
}

/** Returns what to tell people of a command that no instance takes over Kafka: most often somebody goes by another prefix. */
export function nobodyWords({ command: { service, lane }, instances, prefix }: Nobody): string {
  if (instances.length === 0) {
    return `No instance of the service '${service}' is registered.`;
  }
  const topics = [...new Set(instances.flatMap(({ kafka }) => kafka?.topic ?? []))].toSorted();
  if (topics.length === 0) {
    return `No instance of the service '${service}' takes commands over Kafka.`;
  }
  if (!topics.some((topic) => isCommandsTopic(prefix, topic))) {
    return (
      `The service '${service}' takes commands at ${topics.join(', ')}, and this coordinator's prefix is '${prefix}'. ` +
      `Give both the same: ATONE_KAFKA_PREFIX of the coordinators, and \`prefix\` of the service.`
    );
  }
  const where = lane === undefined ? 'outside of lanes' : `in the lane '${lane}' or outside of lanes`;
  return `No instance of the service '${service}' takes commands over Kafka ${where}.`;
}
