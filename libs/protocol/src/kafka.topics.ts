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

/** Names may hold dots. A single one parts the names, so that `a.b` is never taken for the lane `b` of `a`. */
function escaped(name: string): string {
  return name.replaceAll('.', '..');
}
