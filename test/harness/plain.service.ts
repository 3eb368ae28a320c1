import { createServer, type IncomingHttpHeaders, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ParticipantInstance } from '@atone/protocol';

/** One request that came. */
export interface PlainCall {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: unknown;
}

export interface PlainAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

const YES: PlainAnswer = { status: 200, body: {} };

/** A service that knows nothing of Atone: each action is a URL of its own. */
export class PlainService {
  readonly calls: PlainCall[] = [];
  private readonly answers = new Map<string, PlainAnswer[]>();

  private constructor(private readonly server: Server) {}

  static async start(): Promise<PlainService> {
    const server = createServer();
    const service = new PlainService(server);
    server.on('request', (request, response) => {
      void service.take(request).then(({ status, headers, body }) => {
        response.writeHead(status, { 'content-type': 'application/json', ...headers });
        return response.end(body === undefined ? '' : JSON.stringify(body));
      });
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    return service;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** The entry of the catalogue: the action `name` is called at `/name`, and undone at `/name/undo`. */
  entry(...names: readonly string[]): ParticipantInstance {
    return {
      instance: 'one',
      baseUrl: this.url,
      kind: 'plain',
      protocol: 1,
      actions: names.map((name) => ({
        name,
        hasCompensation: true,
        path: `/${name}`,
        compensatePath: `/${name}/undo`,
      })),
    };
  }

  /** Answers the next calls of `path` so, in order, and all that come after them with a yes. */
  answer(path: string, ...answers: readonly PlainAnswer[]): void {
    this.answers.set(path, [...answers]);
  }

  /** The paths that were called, in order. */
  get paths(): readonly string[] {
    return this.calls.map(({ path }) => path);
  }

  forget(): void {
    this.calls.length = 0;
    this.answers.clear();
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => {
      this.server.close(resolve);
    });
  }

  private async take(request: IncomingMessage): Promise<PlainAnswer> {
    const path = request.url ?? '';
    const text = (await request.toArray()).join('');
    this.calls.push({ path, headers: request.headers, body: text === '' ? undefined : JSON.parse(text) });
    return this.answers.get(path)?.shift() ?? YES;
  }
}
