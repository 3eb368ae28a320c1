import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Stands before a service, and loses some of its answers. */
export class LossyProxy {
  /** How many requests have come. */
  requestCount = 0;
  private toLose = 0;
  private target = '';

  private constructor(private readonly server: Server) {
    server.on('request', (incoming, outgoing) => this.pass(incoming, outgoing));
  }

  static async start(): Promise<LossyProxy> {
    const server = createServer();
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    return new LossyProxy(server);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Passes on what comes from here on to `target`. */
  standBefore(target: string): void {
    this.target = target;
  }

  /** Has the next answers be lost, after the service has given them. */
  lose(count: number): void {
    this.toLose = count;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => {
      this.server.close(resolve);
    });
  }

  private pass(incoming: IncomingMessage, outgoing: ServerResponse): void {
    this.requestCount += 1;
    const isLost = this.toLose > 0;
    this.toLose -= isLost ? 1 : 0;
    const onward = request(
      `${this.target}${incoming.url}`,
      { method: incoming.method ?? 'GET', headers: incoming.headers },
      (answer) => {
        if (isLost) {
          answer.resume().once('end', () => outgoing.destroy());
          return;
        }
        outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(outgoing);
      },
    );
    onward.once('error', () => outgoing.destroy());
    incoming.pipe(onward);
  }
}
