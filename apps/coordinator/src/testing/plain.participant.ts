import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A service without the library: it says yes to every call but those of `/silent`, and remembers which there were. */
export interface PlainParticipant {
  readonly url: string;
  readonly calls: readonly string[];
  close(): Promise<void>;
}

export async function startPlainParticipant(): Promise<PlainParticipant> {
  const calls: string[] = [];
  const server = createServer((request, response) => {
    calls.push(request.url ?? '');
    request.resume();
    if (request.url !== '/silent') {
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"ok":true}');
    }
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    calls,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}
