import { EventEmitter, once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { HEADERS, type ParticipantInstance } from '@atone/protocol';

/** A coordinator as services see it, which notes what it is asked. */
export interface FakeCoordinator {
  readonly url: string;
  readonly server: Server;
  readonly calls: string[];
  readonly registered: Promise<ParticipantInstance>;
  submitted: unknown;
}

/** Takes every instance, and commits whatever is submitted. */
export async function startFakeCoordinator(): Promise<FakeCoordinator> {
  const events = new EventEmitter<{ put: [ParticipantInstance] }>();
  const registered = once(events, 'put').then(([entry]) => entry as ParticipantInstance);
  const calls: string[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (part: Buffer) => (body += part.toString('utf8')));
    request.on('end', () => {
      calls.push(`${request.method} ${request.url}`);
      const content: unknown = body === '' ? undefined : JSON.parse(body);
      if (request.method === 'PUT') {
        events.emit('put', content as ParticipantInstance);
      }
      if (request.method === 'POST') {
        fake.submitted = content;
      }
      response.setHeader(HEADERS.protocol, '1');
      if (request.method === 'POST' || request.method === 'GET') {
        response.end(JSON.stringify(COMMITTED));
      } else {
        response.writeHead(204).end();
      }
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const fake: FakeCoordinator = { url, server, calls, registered, submitted: undefined };
  return fake;
}

const COMMITTED = {
  gid: '01980000-0000-7000-8000-000000000009',
  outcome: 'committed',
  state: 'committed',
  branches: [{ branchId: 'charge', output: { chargeId: 7 } }],
};
