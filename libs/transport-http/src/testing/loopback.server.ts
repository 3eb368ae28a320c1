import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { BranchReply } from '@atone/core';
import { commandBatchSchema, replyTo, type BranchCommand } from '@atone/protocol';

export interface SeenRequest {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export type Listener = (request: SeenRequest, response: ServerResponse) => void | Promise<void>;

/** A real server on a free port of this machine. */
export class LoopbackServer {
  readonly requests: SeenRequest[] = [];
  private readonly server = createServer((request, response) => {
    void this.take(request, response);
  });

  constructor(private readonly listener: Listener) {}

  async start(port = 0): Promise<this> {
    await new Promise<void>((resolve) => {
      this.server.listen(port, '127.0.0.1', resolve);
    });
    return this;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Stops listening and cuts every connection. */
  async kill(): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.server.close(() => {
        resolve();
      });
    });
    this.server.closeAllConnections();
    await closed;
  }

  private async take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    for await (const part of request) {
      parts.push(part as Buffer);
    }
    const seen = {
      path: request.url ?? '',
      headers: request.headers,
      body: Buffer.concat(parts).toString('utf8'),
    };
    this.requests.push(seen);
    await this.listener(seen, response);
  }
}

/** Answers batches as a participant with the library does: each line as soon as it is known. */
export function libraryListener(
  answer: (command: BranchCommand) => BranchReply | Promise<BranchReply>,
): Listener {
  return async (request, response) => {
    response.writeHead(200, { 'content-type': 'application/x-ndjson' });
    response.flushHeaders();
    await Promise.all(
      commandsOf(request).map(async (command) => {
        const reply = await answer(command);
        response.write(`${JSON.stringify(replyTo(command, reply))}\n`);
      }),
    );
    response.end();
  };
}

export function commandsOf(request: SeenRequest): readonly BranchCommand[] {
  return commandBatchSchema.parse(JSON.parse(request.body)).commands;
}
