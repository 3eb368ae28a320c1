import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { json } from 'node:stream/consumers';
import { Pool } from 'pg';
import { keepEntered, register, type PolicyBranch } from './coordinator.js';
import { Policies } from './policies.js';

/*
 * The insurance: plain HTTP and SQL, and nothing of Atone but some headers. A policy is drafted by its buyer, whose request carries the
 * transaction, and put in force or cancelled by the coordinator.
 */

const INSURABLE_CENTS_MAX = 300_000;
const PREMIUM_PERCENT = 4;

type Answer = readonly [status: number, body: object, headers?: Readonly<Record<string, string>>];

/** Starts the service. Returns what stops it. */
export async function startInsurance(
  databaseUrl: string,
  coordinatorUrl: string,
  port: number,
): Promise<{ readonly url: string; close(): Promise<void> }> {
  const pool = new Pool({ connectionString: databaseUrl, max: 20 }).on('error', () => undefined);
  const policies = new Policies(pool);
  await policies.open();
  const desk = new Desk(policies, coordinatorUrl);
  const server = createServer((request, response) => void desk.serve(request, response));
  await once(server.listen(port, '127.0.0.1'), 'listening');
  const url = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
  const leave = keepEntered(coordinatorUrl, url);
  return {
    url,
    async close() {
      leave();
      const closed = once(server, 'close');
      server.close().closeIdleConnections();
      await closed;
      await pool.end();
    },
  };
}

class Desk {
  constructor(
    private readonly policies: Policies,
    private readonly coordinatorUrl: string,
  ) {}

  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [status, body, headers] = await this.answer(request);
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify(body));
  }

  private async answer(request: IncomingMessage): Promise<Answer> {
    try {
      return await this.route(request);
    } catch (error) {
      return [500, { title: 'It failed', detail: String(error) }];
    }
  }

  private async route(request: IncomingMessage): Promise<Answer> {
    switch (`${request.method} ${request.url}`) {
      case 'GET /health':
        await this.policies.open();
        return [200, { status: 'ok' }];
      case 'POST /policies':
        return this.sell(request);
      case 'POST /policies/confirm':
        return this.end('confirm', request);
      case 'POST /policies/cancel':
        return this.end('cancel', request);
      default:
        return [404, { title: 'Not found' }];
    }
  }

  private async sell(request: IncomingMessage): Promise<Answer> {
    const input = (await json(request)) as { readonly tripNo: number; readonly sumCents: number };
    if (input.sumCents > INSURABLE_CENTS_MAX) {
      return no('too dear to insure');
    }
    const { gid, branchId } = namesOf(request);
    const branch: PolicyBranch = { branchId, service: 'insurance', action: 'buy', kind: 'tcc' };
    const status = await register(this.coordinatorUrl, request.headers, { ...branch, input });
    if (status === 409) {
      return no('the trip has ended already');
    }
    if (status >= 300) {
      return [503, { title: 'Try again', detail: `The coordinator answered ${status}.` }];
    }
    const premiumCents = Math.ceil((input.sumCents * PREMIUM_PERCENT) / 100);
    const isDrafted = await this.policies.draft({ gid, branchId, tripNo: input.tripNo, premiumCents });
    // The caller has to know that there is a branch, or its commit would not name it.
    const enlisted = JSON.stringify({ below: [branch] });
    return isDrafted ? [201, { premiumCents }, { 'atone-enlisted': enlisted }] : no('already cancelled');
  }

  private async end(how: 'confirm' | 'cancel', request: IncomingMessage): Promise<Answer> {
    const isDone = await this.policies.end(how, namesOf(request));
    return isDone ? [200, {}] : no('it has ended otherwise');
  }
}

function namesOf({ headers }: IncomingMessage): { readonly gid: string; readonly branchId: string } {
  return { gid: String(headers['atone-gid']), branchId: String(headers['atone-branch-id']) };
}

/** A 409 is a no, and nothing else is. */
function no(detail: string): Answer {
  return [409, { title: 'Refused', status: 409, detail }];
}
