import { iso, viewOf, type Clock } from '@atone/engine';
import {
  decisionRequestSchema,
  doubtsRequestSchema,
  HEADERS,
  LED_TIMEOUT_MAX_MS,
  noticesRequestSchema,
  registrationRequestSchema,
  type LogInfo,
  type TransactionView,
  type Verdicts,
} from '@atone/protocol';
import { ok, read, waitMsOf, type ApiAnswer, type ApiRequest } from './api.request.js';
import type { CoordinatorProcess } from './coordinator.process.js';

export interface LedApiParts {
  readonly process: CoordinatorProcess;
  readonly clock: Pick<Clock, 'now'>;
  /** Returns a transaction as the API shows it: at once, or when it has ended. */
  readonly view: (gid: string, waitMs: number) => Promise<TransactionView>;
}

/** The part of the coordinator's API that serves led transactions. */
export class LedApi {
  constructor(private readonly parts: LedApiParts) {}

  /** Tells which log decides, and in which life it is. */
  logInfo(): ApiAnswer {
    const { process, clock } = this.parts;
    const { logNumber, epoch } = process.engine.logLife();
    return ok({
      logNumber,
      epoch,
      now: iso(clock.now()),
      timeoutMaxMs: LED_TIMEOUT_MAX_MS,
    } satisfies LogInfo);
  }

  notice({ body }: ApiRequest): ApiAnswer {
    this.parts.process.engine.notice(read(noticesRequestSchema, body).notices);
    return { status: 204 };
  }

  async doubts({ body }: ApiRequest): Promise<ApiAnswer> {
    const { doubts } = read(doubtsRequestSchema, body);
    return ok({ verdicts: [...(await this.parts.process.engine.doubts(doubts))] } satisfies Verdicts);
  }

  async decide(gid: string, request: ApiRequest): Promise<ApiAnswer> {
    const { process, view } = this.parts;
    const decision = read(decisionRequestSchema, request.body);
    const { snapshot, isRepeat } = await process.engine.decide(gid, decision, traceOf(request));
    const waitMs = waitMsOf(request);
    return {
      ...ok(waitMs === 0 ? viewOf(snapshot) : await view(gid, waitMs)),
      headers: isRepeat ? { [HEADERS.idempotentReplayed]: 'true' } : {},
    };
  }

  async register(gid: string, request: ApiRequest): Promise<ApiAnswer> {
    const registration = read(registrationRequestSchema, request.body);
    return ok(viewOf(await this.parts.process.engine.register(gid, registration, traceOf(request))));
  }
}

function traceOf({ headers }: ApiRequest): { traceparent: string | undefined; baggage: string | undefined } {
  return { traceparent: headers[HEADERS.traceparent], baggage: headers[HEADERS.baggage] };
}
