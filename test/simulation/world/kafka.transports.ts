import { RoutedTransport, type BranchTransport, type Catalogue, type ReplySink } from '@atone/engine';
import type { BranchCommand } from '@atone/protocol';
import { KafkaTransport } from '@atone/transport-kafka';
import type { CoordinatorKafkaCheck } from '../check/coordinator.kafka.check.js';
import type { LogLine } from './log.line.js';
import type { SimClock } from './sim.clock.js';
import { REPLIES } from './sim.kafka.js';
import type { Life } from './sim.process.js';
import type { SimTransport } from './sim.transport.js';
import type { World } from './world.js';

/** What one life of a coordinator works with. */
interface Parts {
  readonly log: LogLine;
  readonly catalogue: Catalogue;
  readonly clock: SimClock;
  readonly instanceId: string;
  readonly http: SimTransport;
}

/** How long a coordinator that stops waits for what is in flight. */
const DRAIN_MS = 1_000;

/** Returns what brings commands to participants where some are reached over Kafka; undefined where none is. */
export function transportOverKafka(life: Life, world: World, parts: Parts): BranchTransport | undefined {
  const { kafka } = world;
  if (kafka === undefined) {
    return undefined;
  }
  const { log, catalogue, clock, instanceId, http } = parts;
  const story = kafka.check.coordinator({ instanceId, repliesTopic: REPLIES, now: () => clock.now() });
  const line = kafka.lineOf(life, story);
  const transport = new KafkaTransport({
    client: line,
    catalogue,
    clock,
    instanceId,
    ownerPartitions: (gids) => log.ownerPartitions(gids),
    limits: { drainMs: DRAIN_MS },
    onTrouble: (error) => world.trace(life.process.name, `has trouble with Kafka: ${String(error)}`),
  });
  life.process.kafkaLine = line;
  log.partitions = () => transport.partitions;
  void transport.start();
  const preferred = world.draws.pick(`${instanceId} prefers`, ['kafka', 'http'] as const);
  return new WatchedTransport(
    new RoutedTransport({ http, kafka: transport, clock, catalogue, preferred }),
    story,
  );
}

/** Has a check see what the engine asks, and what it is told. */
class WatchedTransport implements BranchTransport {
  constructor(
    private readonly inner: BranchTransport,
    private readonly story: CoordinatorKafkaCheck,
  ) {}

  onReply(sink: ReplySink): void {
    this.inner.onReply((reply) => {
      const fate = sink(reply);
      this.story.handed(reply, fate);
      return fate;
    });
  }

  send(command: BranchCommand, answerWithinMs: number): void {
    this.story.asked(command, answerWithinMs);
    this.inner.send(command, answerWithinMs);
  }

  async close(): Promise<void> {
    await this.inner.close();
  }
}
