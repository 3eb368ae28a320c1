import type { TransactionLog } from '@atone/engine';
import { MemoryCatalogueStore, MemoryLog, ScriptedTransport, type Script } from '@atone/engine/testing';
import type { Problem, Submission, TransactionView } from '@atone/protocol';
import type { Provider } from '@nestjs/common';
import { readConfiguration } from '../configuration.js';
import { createCoordinator, type Coordinator } from '../coordinator.js';
import { openLogger } from '../ports/pino.logger.js';
import { SystemClock } from '../ports/system.clock.js';
import { CLOCK, STORE, TRANSPORT, type Store } from '../tokens.js';

export interface Asked {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: unknown;
}

/** A coordinator with a log in memory and participants that do what the test says. */
export class TestCoordinator {
  readonly log: MemoryLog;
  readonly transport: ScriptedTransport;
  /** What the coordinator wrote to its own log. */
  readonly lines: readonly string[];

  private constructor(
    readonly coordinator: Coordinator,
    parts: Pick<TestCoordinator, 'log' | 'transport' | 'lines'>,
  ) {
    this.log = parts.log;
    this.transport = parts.transport;
    this.lines = parts.lines;
  }

  static async start(
    own: {
      readonly script?: Script;
      readonly environment?: Readonly<Record<string, string>>;
      readonly log?: (log: MemoryLog) => TransactionLog;
      readonly overrides?: readonly Provider[];
    } = {},
  ): Promise<TestCoordinator> {
    const clock = new SystemClock();
    const log = new MemoryLog(clock);
    const transport = new ScriptedTransport(own.script);
    const store: Store = {
      log: own.log?.(log) ?? log,
      catalogue: new MemoryCatalogueStore(clock),
      logId: '019b7700-3c5e-4d2a-9f10-2f6f2f0f8a11',
      ensurePartitions: async () => undefined,
      cleanUp: async () => undefined,
      close: async () => undefined,
    };
    await offerShop(store);
    const lines: string[] = [];
    const coordinator = await createCoordinator({
      configuration: readConfiguration({
        ATONE_DATABASE_URL: 'postgres://nowhere',
        ATONE_HTTP_PORT: '0',
        ...own.environment,
      }),
      logger: openLogger('info', { write: (line: string) => void lines.push(line) }),
      overrides: [
        { provide: CLOCK, useValue: clock },
        { provide: STORE, useValue: store },
        { provide: TRANSPORT, useValue: transport },
        ...(own.overrides ?? []),
      ],
    });
    return new TestCoordinator(coordinator, { log, transport, lines });
  }

  async ask(
    method: 'GET' | 'POST' | 'PUT' | 'DELETE' | 'PATCH',
    url: string,
    more: { readonly body?: unknown; readonly headers?: Readonly<Record<string, string>> } = {},
  ): Promise<Asked> {
    const { body, headers = {} } = more;
    const answer = await this.coordinator.app.inject({
      method,
      url,
      headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { payload: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const isJson = answer.body !== '' && String(answer.headers['content-type']).includes('json');
    return { status: answer.statusCode, headers: answer.headers, body: isJson ? answer.json() : answer.body };
  }

  async submit(
    plan: unknown,
    more: { readonly wait?: string; readonly headers?: Readonly<Record<string, string>> } = {},
  ): Promise<Asked & { readonly view: TransactionView; readonly problem: Problem }> {
    const query = more.wait === undefined ? '' : `?wait=${more.wait}`;
    const asked = await this.ask('POST', `/v1/transactions${query}`, {
      body: plan,
      headers: more.headers ?? {},
    });
    return { ...asked, view: asked.body as TransactionView, problem: asked.body as Problem };
  }

  /** How many transactions the log holds. */
  async storedCount(): Promise<number> {
    return (await this.log.list({ limit: 1_000 })).length;
  }

  async close(): Promise<void> {
    await this.coordinator.close();
  }
}

/** A plan whose steps call `shop/<name>`, one after the other. */
export function planOf(...names: readonly string[]): Submission {
  return { name: 'test-saga', steps: names.map((name) => ({ name, service: 'shop', action: name })) };
}

/** Returns a log of which one method does nothing until it is released. */
export function holding(method: 'accept' | 'update'): {
  readonly log: (log: MemoryLog) => TransactionLog;
  readonly release: () => void;
} {
  let open: (() => void) | undefined;
  const held = new Promise<void>((resolve) => {
    open = resolve;
  });
  const log = (inner: MemoryLog): TransactionLog =>
    new Proxy(inner, {
      get: (target, key) => {
        const member: unknown = Reflect.get(target, key);
        if (typeof member !== 'function') {
          return member;
        }
        return async (...args: readonly unknown[]): Promise<unknown> => {
          await (key === method ? held : undefined);
          return Reflect.apply(member, target, args) as unknown;
        };
      },
    });
  return {
    log,
    release: () => {
      open?.();
    },
  };
}

/** Lets what is under way get on: several turns of the loop, and of the clock. */
export async function soon(): Promise<void> {
  await new Promise((resolve) => {
    setTimeout(resolve, 10);
  });
}

async function offerShop(store: Store): Promise<void> {
  await store.catalogue.register('shop', {
    instance: 'one',
    baseUrl: 'http://127.0.0.1:1',
    kind: 'library',
    protocol: 1,
    actions: ['reserve', 'charge', 'ship'].map((name) => ({ name, hasCompensation: true })),
  });
}
