import { createHash } from 'node:crypto';
import type { OperatorAct } from '@atone/core';
import { countsOf, endingOf, filterOf, iso, snapshotOfRow, summaryOf, viewOf } from '@atone/engine';
import type { CatalogueStore, SubmitAnswer, TransactionLog } from '@atone/engine';
import { durationMs, type Duration, type HttpRequest, type HttpResponse } from '@atone/participant';
import {
  actRequestSchema,
  endingsRequestSchema,
  HEADERS,
  listQuerySchema,
  PROTOCOL_VERSION,
  retryRequestSchema,
  submissionSchema,
  type Counts,
  type Endings,
  type ParticipantList,
  type TransactionPage,
  type TransactionView,
} from '@atone/protocol';
import type { z } from 'zod';
import { ApiError, problemOf } from './api.problem.js';
import type { CoordinatorProcess } from './coordinator.process.js';

/** Who acted, where the caller does not say. */
const BY_DEFAULT = 'api';

interface ApiRequest {
  readonly method: string;
  readonly path: readonly string[];
  readonly query: Readonly<Record<string, string>>;
  readonly headers: HttpRequest['headers'];
  readonly body: unknown;
}

interface ApiAnswer {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * The coordinator's REST API without HTTP: reads the requests of the real client by the schemas of the protocol, asks
 * the engine, and answers as the coordinator does.
 */
export class CoordinatorApi {
  constructor(
    private readonly process: CoordinatorProcess,
    private readonly log: TransactionLog,
    private readonly store: CatalogueStore,
  ) {}

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
    const [collection, id, part, branchId, act] = path;
    switch (`${method} ${collection ?? ''}`) {
      case 'POST transactions':
        if (id === undefined) {
          return this.submit(request);
        }
        if (id === 'endings') {
          return ok(await this.endings(request));
        }
        return ok(
          await this.act(id, actOf(request, part === 'branches' ? { act, branchId } : { act: part })),
        );
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

  private async view(gid: string, waitMs: number): Promise<TransactionView> {
    const { engine } = this.process;
    const now = viewOf(await engine.get(gid));
    return waitMs === 0 || now.endedAt !== undefined ? now : viewOf(await engine.waitForEnd(gid, waitMs));
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
    const page = rows.slice(0, filter.limit);
    return {
      transactions: page.map((row) => summaryOf(snapshotOfRow(row))),
      next: rows.length > page.length ? page.at(-1)?.gid : undefined,
    };
  }

  private async participants(): Promise<ParticipantList> {
    const instances = await this.store.list();
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
      const { by = BY_DEFAULT, reason } = read(actRequestSchema, body);
      return { type, by, reason, branchId };
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

function readRequest({ method, url, headers, body }: HttpRequest): ApiRequest {
  const { pathname, searchParams } = new URL(url);
  // Whatever comes before is the address of a proxy.
  const path = pathname.slice(pathname.indexOf('/v1/') + 4);
  return {
    method,
    path: path.split('/').map(decodeURIComponent),
    query: Object.fromEntries(searchParams),
    headers,
    body: body === undefined ? undefined : (JSON.parse(body) as unknown),
  };
}

function read<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const result = schema.safeParse(value);
  if (!result.success) {
    const errors = result.error.issues.map(({ path, message }) => ({
      field: path.map((part) => `/${String(part)}`).join(''),
      message,
    }));
    throw new ApiError(
      'BAD_REQUEST',
      errors.map(({ field, message }) => `${field} ${message}.`).join(' '),
      errors,
    );
  }
  return result.data;
}

function waitMsOf({ query }: ApiRequest): number {
  return durationMs((query['wait'] ?? 0) as Duration);
}

function ok(body: unknown): ApiAnswer {
  return { status: 200, body };
}

function responseOf({ status, body, headers = {} }: ApiAnswer): HttpResponse {
  const all: Readonly<Record<string, string>> = { [HEADERS.protocol]: String(PROTOCOL_VERSION), ...headers };
  return { status, text: JSON.stringify(body), header: (name) => all[name] };
}

/** The client of one test writes the same body in the same way. */
function hashOf(body: unknown): string {
  return createHash('sha256').update(JSON.stringify(body)).digest('hex');
}
