import { Engine, iso, type Clock } from '@atone/engine';
import { LED_TIMEOUT_MAX_MS, logInfoSchema, type LogInfo } from '@atone/protocol';
import { Controller, Get, Inject } from '@nestjs/common';
import { Describe } from '../openapi/operation.decorator.js';
import { CLOCK, STORE, type Store } from '../tokens.js';

/** What an initiator must know of the log before it can begin. */
@Controller('v1/log')
export class LogController {
  constructor(
    private readonly engine: Engine,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(STORE) private readonly store: Store,
  ) {}

  @Get()
  @Describe({
    id: 'describeLog',
    group: 'led',
    summary: 'Tells what an initiator must know before a led transaction can begin.',
    answers: { 200: { description: 'The number of the log, and its present life.', schema: logInfoSchema } },
    errors: ['LOG_UNAVAILABLE'],
  })
  get(): LogInfo {
    const { logNumber, epoch } = this.engine.logLife();
    const { logId } = this.store;
    return { logNumber, epoch, logId, now: iso(this.clock.now()), timeoutMaxMs: LED_TIMEOUT_MAX_MS };
  }
}
