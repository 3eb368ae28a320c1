import { Controller, Get, ServiceUnavailableException } from '@nestjs/common';
import { HealthCheckService, HealthIndicatorService, type HealthCheckResult } from '@nestjs/terminus';
import { CoordinatorLifecycle } from '../coordinator.lifecycle.js';
import { Describe } from '../openapi/operation.decorator.js';
import { healthSchema } from './answer.schemas.js';
import { RequestError } from './request.error.js';

/** What an orchestrator of containers asks. */
@Controller('health')
export class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly indicators: HealthIndicatorService,
    private readonly lifecycle: CoordinatorLifecycle,
  ) {}

  /** Answers as long as the process can: a restart would not bring the log back. */
  @Get('live')
  @Describe({
    id: 'checkLiveness',
    group: 'health',
    summary: 'Answers as long as the process can.',
    answers: { 200: { description: 'It lives.', schema: healthSchema } },
    isOpen: true,
  })
  async live(): Promise<HealthCheckResult> {
    return this.health.check([]);
  }

  /** Says whether new transactions may come here, and if not, why. */
  @Get('ready')
  @Describe({
    id: 'checkReadiness',
    group: 'health',
    summary: 'Says whether new transactions may come here.',
    answers: { 200: { description: 'They may.', schema: healthSchema } },
    errors: ['OVERLOADED', 'LOG_UNAVAILABLE'],
    isOpen: true,
  })
  async ready(): Promise<HealthCheckResult> {
    const { unreadiness } = this.lifecycle;
    const engine = this.indicators.check('engine');
    try {
      return await this.health.check([
        () => (unreadiness === undefined ? engine.up() : engine.down({ reason: unreadiness.reason })),
      ]);
    } catch (error) {
      if (error instanceof ServiceUnavailableException && unreadiness !== undefined) {
        throw new RequestError(unreadiness.code, unreadiness.reason);
      }
      throw error;
    }
  }
}
