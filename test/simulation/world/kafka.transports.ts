import { RoutedTransport, type BranchTransport, type Catalogue, type ReplySink } from '@atone/engine';
import type { BranchCommand } from '@atone/protocol';
import { KafkaTransport, ownerPartitions } from '@atone/transport-kafka';
import type { CoordinatorKafkaCheck } from '../check/coordinator.kafka.check.js';
import type { LogLine } from './log.line.js';
import type { SimClock } from './sim.clock.js';
import { REPLIES, type SimKafka } from './sim.kafka.js';
import type { Life } from './sim.process.js';
import type { SimTransport } from './sim.transport.js';

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

/** What brings commands to participants of which some are reached over Kafka. */
export class KafkaTransports {
  readonly transport: BranchTransport;
  /** Is told when it reads other partitions. */
  onAssignment: (() => void) | undefined;
  private readonly kafka: KafkaTransport;

  constructor(life: Life, brokers: SimKafka, parts: Parts) {
    const { log, catalogue, clock, instanceId, http } = parts;
    const { world } = brokers;
    const story = brokers.check.coordinator({ instanceId, repliesTopic: REPLIES, now: () => clock.now() });
    const line = brokers.lineOf(life, story);
    life.process.kafkaLine = line;
    this.kafka = new KafkaTransport({
      client: line,
      catalogue,
      clock,
      instanceId,
      ownerPartitions: ownerPartitions(log),
      onAssignment: () => this.onAssignment?.(),
      limits: { drainMs: DRAIN_MS },
      onTrouble: (error) => world.trace(life.process.name, `has trouble with Kafka: ${String(error)}`),
    });
    void this.kafka.start();
    const preferred = world.draws.pick(`${instanceId} prefers`, ['kafka', 'http'] as const);
    const routed = new RoutedTransport({ http, kafka: this.kafka, clock, catalogue, preferred });
    this.transport = new WatchedTransport(routed, story);
  }

  /** The partitions of the replies that are read here. */
  get partitions(): readonly number[] {
    return this.kafka.partitions;
  }
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
