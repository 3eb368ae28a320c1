import type { Clock, InstanceRow, Timer, TransactionLog } from '@atone/engine';
import type { Logger } from 'pino';

const LOOK_EVERY_MS = 60_000;

const REASON =
  'Each drives what the other leaves, and cannot ask services at the topics of the other: such transactions abort at their ' +
  'deadline. While coordinators are rolled to another prefix this is so; else give all of one log the same ATONE_KAFKA_*.';

export interface PrefixWatchParts {
  readonly instanceId: string;
  /** Undefined where there are no brokers. */
  readonly prefix: string | undefined;
  readonly log: Pick<TransactionLog, 'instances'>;
  readonly clock: Pick<Clock, 'setTimer'>;
  readonly logger: Logger;
}

/** Warns, at the start and every minute, while coordinators of one log do not reach the same topics of Kafka. */
export class PrefixWatch {
  private timer: Timer | undefined;
  private isStopped = false;

  constructor(private readonly parts: PrefixWatchParts) {}

  /** Looks, and again every minute until it is stopped. Never rejects. */
  async start(): Promise<void> {
    try {
      this.compare(await this.parts.log.instances());
    } catch {
      // That the log does not answer is told by whoever keeps the lease.
    }
    if (!this.isStopped) {
      this.timer = this.parts.clock.setTimer(LOOK_EVERY_MS, () => void this.start());
    }
  }

  stop(): void {
    this.isStopped = true;
    this.timer?.cancel();
  }

  private compare(instances: readonly InstanceRow[]): void {
    const own = this.parts.prefix ?? null;
    const others = instances.filter(({ isLive, facts }) => isLive && differs(facts?.kafkaPrefix, own));
    if (others.length > 0 && !this.isStopped) {
      const { instanceId, logger } = this.parts;
      logger.warn(
        {
          instance: instanceId,
          kafka: kafkaText(own),
          others: others.map((other) => ({
            instance: other.instanceId,
            url: other.facts?.url,
            kafka: kafkaText(other.facts?.kafkaPrefix ?? null),
          })),
          reason: REASON,
        },
        'coordinators of one log have different prefixes at kafka',
      );
    }
  }
}

/** A former version does not tell its prefix. */
function differs(told: string | null | undefined, own: string | null): boolean {
  return told !== undefined && told !== own;
}

function kafkaText(prefix: string | null): string {
  return prefix === null ? 'none' : `prefix '${prefix}'`;
}
