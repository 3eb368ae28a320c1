import { createHash } from 'node:crypto';
import type { OperatorAct } from '@atone/core';
import {
  countsOf,
  endingOf,
  filterOf,
  hearsaySummary,
  hearsayView,
  iso,
  isHeardUnder,
  snapshotOfRow,
  summaryOf,
  TransactionNotFoundError,
  viewOf,
  withHearsay,
} from '@atone/engine';
import type {
  CatalogueStore,
  Clock,
  HearsayEntry,
  RowFilter,
  SubmitAnswer,
  TransactionLog,
} from '@atone/engine';
import type { HttpRequest, HttpResponse } from '@atone/participant';
import {
  actRequestSchema,
  endingsRequestSchema,
  HEADERS,
  listQuerySchema,
  retryRequestSchema,
  skipRequestSchema,
  submissionSchema,
  type Counts,
  type Endings,
  type ParticipantList,
  type TransactionPage,
  type TransactionView,
} from '@atone/protocol';
import { ApiError, problemOf } from './api.problem.js';
import {
  ok,
  read,
  readRequest,
  responseOf,
  waitMsOf,
  type ApiAnswer,
  type ApiRequest,
} from './api.request.js';
import type { CoordinatorProcess } from './coordinator.process.js';
import { LedApi } from './led.api.js';

/** Who acted, where the caller does not say. */
const BY_DEFAULT = 'api';

export interface ApiParts {
  readonly process: CoordinatorProcess;
  readonly log: TransactionLog;
  readonly store: CatalogueStore;
  readonly clock: Pick<Clock, 'now'>;
}

/**
 * The coordinator's REST API without HTTP: reads the requests of the real client by the schemas of the protocol, asks
 * the engine, and answers as the coordinator does.
 */
export class CoordinatorApi {
  private readonly process: CoordinatorProcess;
  private readonly log: TransactionLog;
  private readonly led: LedApi;

  constructor(private readonly parts: ApiParts) {
    const { process, log, clock } = parts;
    this.process = process;
    this.log = log;
    this.led = new LedApi({ process, clock, view: (gid, waitMs) => this.view(gid, waitMs) });
  }

  /** Answers a request. Rejects when the coordinator dies first. */
  async answer(request: HttpRequest): Promise<HttpResponse> {
    await this.process.started;
    return this.process.serve(async () => {
      try {
        return responseOf(await this.route(readRequest(request)));
      } catch (error) {
        const { problem, headers } = problemOf(error);
        return responseOf({ status: problem.status, body: problem, headers });
      }
    });
  }

  private async route(request: ApiRequest): Promise<ApiAnswer> {
    const { method, path } = request;
    const [collection, id] = path;
    switch (`${method} ${collection ?? ''}`) {
      case 'POST transactions':
        return this.post(request);
      case 'PUT transactions':
        return this.led.decide(id ?? '', request);
      case 'GET log':
        return this.led.logInfo();
      case 'GET transactions':
        return ok(id === undefined ? await this.list(request) : await this.view(id, waitMsOf(request)));
      case 'GET counts':
        return ok(countsOf(await this.process.engine.counts()) satisfies Counts);
      case 'GET participants':
        return ok(await this.participants());
      default:
        throw new ApiError('NOT_FOUND', `The coordinator of a test has no ${method} ${path.join('/')}.`);
    }
  }

  private async post(request: ApiRequest): Promise<ApiAnswer> {
    const [, id, part, branchId, act] = request.path;
    switch (id) {
      case undefined:
        return this.submit(request);
      case 'endings':
        return ok(await this.endings(request));
      case 'notices':
        return this.led.notice(request);
      case 'doubts':
        return this.led.doubts(request);
    }
    if (part === 'branches' && branchId === undefined) {
      return this.led.register(id, request);
    }
    const named = part === 'branches' ? { act, branchId } : { act: part };
    return ok(await this.act(id, actOf(request, named)));
  }

  private async submit(request: ApiRequest): Promise<ApiAnswer> {
    const submission = read(submissionSchema, request.body);
    const key = request.headers[HEADERS.idempotencyKey];
    const answer = await this.process.engine.submit({
      submission,
      idempotency: key === undefined ? undefined : { key, bodyHash: hashOf(request.body) },
      traceparent: request.headers[HEADERS.traceparent],
      baggage: request.headers[HEADERS.baggage],
    });
    const view = await this.viewAfterSubmit(answer, waitMsOf(request));
    return {
      status: view.endedAt === undefined ? 202 : 200,
      body: view,
      headers: answer.isReplay ? { [HEADERS.idempotentReplayed]: 'true' } : {},
    };
  }

  private async viewAfterSubmit({ gid, isReplay }: SubmitAnswer, waitMs: number): Promise<TransactionView> {
    return isReplay ? this.view(gid, waitMs) : viewOf(await this.process.engine.waitForEnd(gid, waitMs));
  }

  /** Returns a transaction as it stands, what is only heard of too: at once, or when it has ended. */
  async view(gid: string, waitMs: number): Promise<TransactionView> {
    const { engine } = this.process;
    const heard = engine.hearsay(gid);
    try {
      const now = viewOf(await engine.get(gid));
      const isDone = waitMs === 0 || now.endedAt !== undefined;
      return withHearsay(isDone ? now : viewOf(await engine.waitForEnd(gid, waitMs)), heard);
    } catch (error) {
      if (heard === undefined || !(error instanceof TransactionNotFoundError)) {
        throw error;
      }
      return hearsayView(heard);
    }
  }

  private async act(gid: string, act: OperatorAct): Promise<TransactionView> {
    return viewOf(await this.process.engine.act(gid, act));
  }

  private async endings({ body }: ApiRequest): Promise<Endings> {
    const { gids } = read(endingsRequestSchema, body);
    return { transactions: (await this.process.engine.endings(gids)).map(endingOf) };
  }

  private async list({ query }: ApiRequest): Promise<TransactionPage> {
    const filter = filterOf(read(listQuerySchema, query));
    const rows = await this.log.list({ ...filter, limit: filter.limit + 1 });
    const logged = rows.map((row) => summaryOf(snapshotOfRow(row)));
    const found = [...logged, ...(await this.heardUnder(filter)).map(hearsaySummary)].toSorted(
      (left, right) => (left.gid < right.gid ? 1 : -1),
    );
    const page = found.slice(0, filter.limit);
    return { transactions: page, next: found.length > page.length ? page.at(-1)?.gid : undefined };
  }

  private async heardUnder(filter: RowFilter): Promise<readonly HearsayEntry[]> {
    const heard = this.process.engine.hearsays().filter((entry) => isHeardUnder(filter, entry));
    const rows = await this.log.rows(heard.map(({ gid }) => gid));
    const logged = new Set(rows.map(({ gid }) => gid));
    return heard.filter(({ gid }) => !logged.has(gid));
  }

  private async participants(): Promise<ParticipantList> {
    const instances = await this.parts.store.list();
    return {
      participants: instances.map((instance) => ({
        ...instance,
        registeredAt: iso(instance.registeredAt),
        seenAt: iso(instance.seenAt),
      })),
    };
  }
}

function actOf(
  { body }: ApiRequest,
  named: { readonly act: string | undefined; readonly branchId?: string | undefined },
): OperatorAct {
  const { act: type = '', branchId = '' } = named;
  switch (type) {
    case 'retry': {
      const wish = read(retryRequestSchema, body ?? {});
      const { by = BY_DEFAULT, reason = 'no reason given' } = wish;
      return { type, by, reason, branchId: wish.branchId };
    }
    case 'skip': {
      const { by = BY_DEFAULT, reason, force } = read(skipRequestSchema, body);
      return { type, by, reason, branchId, force };
    }
    case 'abort':
    case 'pause':
    case 'resume': {
      const { by = BY_DEFAULT, reason } = read(actRequestSchema, body);
      return { type, by, reason };
    }
    default:
      throw new ApiError('NOT_FOUND', `There is no act '${type}'.`);
  }
}

/** The client of one test writes the same body in the same way. */
function hashOf(body: unknown): string {
  return createHash('sha256').update(JSON.stringify(body)).digest('hex');
}
