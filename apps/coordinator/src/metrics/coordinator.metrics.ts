import type { Clock, Engine, RowCounts } from '@atone/engine';
import type { KafkaTransport } from '@atone/transport-kafka';
import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';
import type { CoordinatorLifecycle } from '../coordinator.lifecycle.js';
import type { TransactionPages } from '../http/transaction.pages.js';
import { VERSION } from '../version.js';
import type { Meters } from './meters.js';
import { SharedReading } from './shared.reading.js';

const LIVE_STATES = ['active', 'running', 'committing', 'aborting'] as const;

/** What is looked at when somebody asks. */
export interface MetricsSources {
  readonly engine: Engine;
  readonly lifecycle: CoordinatorLifecycle;
  readonly meters: Meters;
  readonly pages: TransactionPages;
  readonly clock: Clock;
  readonly kafka: KafkaTransport | undefined;
}

/** What the log counts, and what is heard of that it does not hold. */
interface LogCounts extends RowCounts {
  readonly heardStuckCount: number;
}

interface GaugeTitle {
  readonly name: string;
  readonly help: string;
  readonly labelNames?: readonly string[];
}

type Show = (gauge: Gauge, counts: LogCounts) => void;

type KafkaCounts = KafkaTransport['counts'];

/** All metrics of this coordinator: what was counted, what is the case now, and those of the process. */
export class CoordinatorMetrics {
  private readonly counts: SharedReading<LogCounts>;
  private readonly all: Registry;

  constructor(private readonly sources: MetricsSources) {
    const { engine, pages, meters } = sources;
    this.counts = new SharedReading({
      read: async () => ({ ...(await engine.counts()), heardStuckCount: await pages.heardStuckCount() }),
    });
    this.showInstance();
    this.showLog();
    this.showStuck();
    this.showKafka();
    this.all = Registry.merge([meters.registry, processRegistry()]);
  }

  /** Those that are Atone's own. */
  get registry(): Registry {
    return this.sources.meters.registry;
  }

  /** Returns the present values in the text format of Prometheus. What the log does not tell now is left out. */
  async text(): Promise<string> {
    return this.all.metrics();
  }

  private showInstance(): void {
    const { engine, lifecycle } = this.sources;
    const labelNames = ['version', 'instance_id'];
    const help = 'Always 1, with the version and the id of the instance.';
    this.gauge({ name: 'atone_build_info', help, labelNames }, (gauge) =>
      gauge.set({ version: VERSION, instance_id: engine.instanceId }, 1),
    );
    this.gauge(
      { name: 'atone_ready', help: 'Whether new work may come here, as /health/ready says: 1 or 0.' },
      (gauge) => gauge.set(lifecycle.unreadiness === undefined ? 1 : 0),
    );
    this.gauge(
      { name: 'atone_transactions_driven', help: 'Transactions that this instance drives.' },
      (gauge) => gauge.set(engine.activeCount),
    );
  }

  private showLog(): void {
    this.gauge(
      { name: 'atone_log_up', help: 'Whether the log told its counts within 2 s: 1 or 0.' },
      async (gauge) => gauge.set((await this.counts.latest()) === undefined ? 0 : 1),
    );
    this.logGauge(
      {
        name: 'atone_transactions_live',
        help: 'Transactions in the log that have not ended. The same at each coordinator.',
        labelNames: ['state'],
      },
      (gauge, { byState }) => LIVE_STATES.forEach((state) => gauge.set({ state }, byState[state])),
    );
    this.logGauge(
      {
        name: 'atone_transactions_paused',
        help: 'Transactions that an operator has paused. The same at each coordinator.',
      },
      (gauge, { pausedCount }) => gauge.set(pausedCount),
    );
  }

  private showStuck(): void {
    this.logGauge(
      {
        name: 'atone_transactions_stuck',
        help: 'Transactions in the log that wait for an operator. The same at each coordinator.',
        labelNames: ['reason'],
      },
      (gauge, { stuckByReason }) =>
        Object.entries(stuckByReason).forEach(([reason, count]) => gauge.set({ reason }, count)),
    );
    this.logGauge(
      {
        name: 'atone_transactions_oldest_stuck_age_seconds',
        help: 'For how long the oldest of them has been stuck; 0 without any. The same at each coordinator.',
      },
      (gauge, { oldestStuckAt }) => gauge.set(this.ageSeconds(oldestStuckAt)),
    );
    this.logGauge(
      {
        name: 'atone_transactions_heard_stuck',
        help: 'Led transactions of which the log holds nothing, and whose participants wait for an operator. As heard here.',
      },
      (gauge, { heardStuckCount }) => gauge.set(heardStuckCount),
    );
  }

  private showKafka(): void {
    this.kafkaCounter(
      {
        name: 'atone_kafka_replies_forwarded_total',
        help: 'Replies over Kafka to transactions driven elsewhere, sent on to who drives them.',
      },
      ({ forwarded }) => forwarded,
    );
    this.kafkaCounter(
      {
        name: 'atone_kafka_replies_dropped_total',
        help: 'Replies over Kafka to transactions that nobody here drives, passed over: their driver asks again.',
      },
      ({ dropped }) => dropped,
    );
    this.kafkaCounter(
      {
        name: 'atone_kafka_dead_letters_total',
        help: 'Records among the replies that were put with the dead letters.',
      },
      ({ dead }) => dead,
    );
    this.kafkaCounter(
      {
        name: 'atone_kafka_distrusted_total',
        help: 'Of the dead letters, those that nobody who may has signed.',
      },
      ({ distrusted }) => distrusted,
    );
    const help = 'Partitions of the replies that this instance reads. While there is none, commands wait.';
    this.gauge({ name: 'atone_kafka_reply_partitions', help }, (gauge) => {
      const { kafka } = this.sources;
      if (kafka === undefined) {
        // There is nothing to say, and 0 would be an alarm.
        gauge.remove();
      } else {
        gauge.set(kafka.partitions.length);
      }
    });
  }

  private gauge(title: GaugeTitle, show: (gauge: Gauge) => void | Promise<void>): void {
    const { name, help, labelNames = [] } = title;
    const gauge: Gauge = new Gauge({
      name,
      help,
      labelNames: [...labelNames],
      registers: [this.registry],
      collect: async () => show(gauge),
    });
  }

  /** What the log does not tell is left out: the value of a while ago would be taken for the present one. */
  private logGauge(title: GaugeTitle, show: Show): void {
    this.gauge(title, async (gauge) => {
      const counts = await this.counts.latest();
      gauge.reset();
      if (counts !== undefined) {
        show(gauge, counts);
      } else if (title.labelNames === undefined) {
        gauge.remove();
      }
    });
  }

  private kafkaCounter(title: GaugeTitle, read: (counts: KafkaCounts) => number): void {
    const { name, help } = title;
    const counter: Counter = new Counter({
      name,
      help,
      registers: [this.registry],
      collect: () => {
        const { kafka } = this.sources;
        counter.reset();
        counter.inc(kafka === undefined ? 0 : read(kafka.counts));
      },
    });
  }

  private ageSeconds(since: number | undefined): number {
    return since === undefined ? 0 : Math.max(0, this.sources.clock.now() - since) / 1_000;
  }
}

let ofProcess: Registry | undefined;

/** One for the process, however many coordinators a test starts in it: each would watch the event loop once more. */
function processRegistry(): Registry {
  if (ofProcess === undefined) {
    ofProcess = new Registry();
    collectDefaultMetrics({ register: ofProcess });
  }
  return ofProcess;
}
