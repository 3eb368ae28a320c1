/** What the names of all topics begin with, if nothing else is said. */
export const TOPIC_PREFIX = 'atone';

/** Kafka takes no longer ones. */
export const TOPIC_LENGTH_MAX = 249;

/** Returns where a service takes its commands: those of a lane apart from the others. */
export function commandsTopic(prefix: string, service: string, lane?: string): string {
  const ofLane = lane === undefined ? '' : `.${escaped(lane)}`;
  return `${prefix}.commands.${escaped(service)}${ofLane}`;
}

/** Tells whether a service may take its commands at `topic`, as far as its name tells. */
export function isCommandsTopic(prefix: string, topic: string): boolean {
  return topic.startsWith(`${prefix}.commands.`);
}

/** Returns where the answers to coordinators go, or to what the service has called itself. */
export function repliesTopic(prefix: string, service?: string): string {
  return service === undefined ? `${prefix}.replies` : `${prefix}.replies.${escaped(service)}`;
}

/** Tells whether answers may go to `topic`: whoever can send a command must not have others write wherever it likes. */
export function isRepliesTopic(prefix: string, topic: string): boolean {
  return topic === repliesTopic(prefix) || topic.startsWith(`${prefix}.replies.`);
}

/** Returns where everything goes that nobody can read. */
export function deadTopic(prefix: string): string {
  return `${prefix}.dead`;
}

const DAY_MS = 86_400_000;

/** As long as a signature is good: what is older would not be obeyed. */
const RECORD_DAYS = 7;

/** People look at dead letters, after a holiday perhaps. */
const DEAD_DAYS = 30;

/** From so many replicas on one may be missing without anything being refused, and two have whatever is acknowledged. */
const SAFE_REPLICA_COUNT = 3;

/** Returns how a topic is set up where nothing else is said, as Kafka names it: for how long it keeps records, above all. */
export function topicSettings(topic: string, replicationFactor: number): Readonly<Record<string, string>> {
  const isDead = topic.endsWith('.dead') && !/\.(?:commands|replies)\./u.test(topic);
  return {
    'cleanup.policy': 'delete',
    'retention.ms': String((isDead ? DEAD_DAYS : RECORD_DAYS) * DAY_MS),
    ...(replicationFactor >= SAFE_REPLICA_COUNT ? { 'min.insync.replicas': '2' } : {}),
  };
}

/** How topics are spread over partitions and brokers; `settings` go before those of `topicSettings`. */
export interface TopicSpread {
  readonly partitionCount: number;
  /** -1 leaves it to the brokers. */
  readonly replicationFactor: number;
  readonly settings?: Readonly<Record<string, string>> | undefined;
}

/** Returns one of Atone's topics as it is created. */
export function newTopic(
  name: string,
  { partitionCount, replicationFactor, settings }: TopicSpread,
): TopicSpread & { readonly name: string } {
  return {
    name,
    partitionCount,
    replicationFactor,
    settings: { ...topicSettings(name, replicationFactor), ...settings },
  };
}

/** Names may hold dots. A single one parts the names, so that `a.b` is never taken for the lane `b` of `a`. */
function escaped(name: string): string {
  return name.replaceAll('.', '..');
}
