import { bestRank, offering } from '@atone/engine';
import { isCommandsTopic, type BranchCommand, type CatalogueInstance } from '@atone/protocol';

/** Who could take commands, and how their topics are named. */
interface Choices {
  readonly instances: readonly CatalogueInstance[];
  readonly prefix: string;
  readonly nowMs: number;
}

/** Chooses topics for the commands of one turn: once for those of an action, because nothing changes in between. */
export class TurnTopics {
  private readonly chosen = new Map<string, Chosen[]>();

  constructor(private readonly choose: (command: BranchCommand) => string | undefined) {}

  of(command: BranchCommand): string | undefined {
    const { service, action, lane } = command;
    const ofService = this.chosen.get(service) ?? [];
    const known = ofService.find((one) => one.action === action && one.lane === lane);
    if (known !== undefined) {
      return known.topic;
    }
    const topic = this.choose(command);
    ofService.push({ action, lane, topic });
    this.chosen.set(service, ofService);
    return topic;
  }
}

interface Chosen {
  readonly action: string;
  readonly lane: string | undefined;
  readonly topic: string | undefined;
}

/**
 * Returns the topic at which the service takes the command, or undefined when none of its instances takes any over Kafka.
 *
 * An instance that names a topic of another installation is not asked: nobody may have commands written wherever he likes.
 */
export function topicOf(
  { action, lane }: BranchCommand,
  { instances, prefix, nowMs }: Choices,
): string | undefined {
  const isReachable = ({ kafka }: CatalogueInstance): boolean =>
    kafka !== undefined && isCommandsTopic(prefix, kafka.topic);
  const reachable = instances.every(isReachable) ? instances : instances.filter(isReachable);
  let first: string | undefined;
  for (const { kafka } of bestRank(offering(reachable, action), { lane, nowMs })) {
    // All of a lane share one. While that changes, all commands of a branch had better go to the same.
    if (kafka !== undefined && (first === undefined || kafka.topic < first)) {
      first = kafka.topic;
    }
  }
  return first;
}
