import { Controller, Get, Header } from '@nestjs/common';
import { Describe } from '../openapi/operation.decorator.js';
import { CoordinatorMetrics } from './coordinator.metrics.js';

const TEXT_FORMAT = 'text/plain; version=0.0.4; charset=utf-8';

/** What a Prometheus reads. */
@Controller('metrics')
export class MetricsController {
  constructor(private readonly metrics: CoordinatorMetrics) {}

  @Get()
  @Header('content-type', TEXT_FORMAT)
  @Header('cache-control', 'no-store')
  @Describe({
    id: 'readMetrics',
    group: 'overview',
    summary: 'Tells the metrics of this coordinator in the text format of Prometheus.',
    answers: { 200: { description: 'The metrics.', mediaType: 'text/plain' } },
  })
  async text(): Promise<string> {
    return this.metrics.text();
  }
}
