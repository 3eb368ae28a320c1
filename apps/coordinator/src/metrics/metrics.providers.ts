import { Engine, type Clock } from '@atone/engine';
import type { KafkaTransport } from '@atone/transport-kafka';
import type { Provider } from '@nestjs/common';
import { CoordinatorLifecycle } from '../coordinator.lifecycle.js';
import { TransactionPages } from '../http/transaction.pages.js';
import { CLOCK, KAFKA_TRANSPORT } from '../tokens.js';
import { CoordinatorMetrics } from './coordinator.metrics.js';
import { Meters } from './meters.js';

/** What counts, and what shows the counts. */
export const METRICS: readonly Provider[] = [
  Meters,
  {
    provide: CoordinatorMetrics,
    useFactory: openMetrics,
    inject: [Engine, CoordinatorLifecycle, Meters, TransactionPages, CLOCK, KAFKA_TRANSPORT],
  },
];

function openMetrics(
  ...[engine, lifecycle, meters, pages, clock, kafka]: [
    Engine,
    CoordinatorLifecycle,
    Meters,
    TransactionPages,
    Clock,
    KafkaTransport | undefined,
  ]
): CoordinatorMetrics {
  return new CoordinatorMetrics({ engine, lifecycle, meters, pages, clock, kafka });
}
