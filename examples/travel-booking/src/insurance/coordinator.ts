import type { IncomingHttpHeaders } from 'node:http';

/*
 * All that the insurance says to the coordinator: two requests of its REST API.
 */

/** What is registered, and told to the caller: so the coordinator knows whom to tell the end. */
export interface PolicyBranch {
  readonly branchId: string;
  readonly service: 'insurance';
  readonly action: 'buy';
  readonly kind: 'tcc';
}

/**
 * Registers the branch of a request, from its headers, and returns the status of the answer; 409: it is too late.
 *
 * Before anything is done: should we die, or our caller, the coordinator will still cancel it.
 */
export async function register(
  url: string,
  headers: IncomingHttpHeaders,
  branch: PolicyBranch & { readonly input: object },
): Promise<number> {
  const initiator = headers['atone-initiator'];
  const remainingMs = Math.max(1, Number(headers['atone-remaining-ms']));
  const answer = await send('POST', `${url}/v1/transactions/${String(headers['atone-gid'])}/branches`, {
    name: initiator,
    initiator,
    epoch: Number(headers['atone-epoch']),
    secretHash: headers['atone-secret-hash'],
    timeoutMs: remainingMs,
    remainingMs,
    branches: [branch],
  });
  return answer.status;
}

/** How often the entry of an instance is renewed: after 30 s without it the coordinator prefers others. */
const RENEW_MS = 10_000;
const RETRY_MS = 500;

/** Enters the instance at `baseUrl`, and renews the entry. Returns what ends that. */
export function keepEntered(url: string, baseUrl: string): () => void {
  const instance = `insurance-${process.pid}`;
  const paths = { path: '/policies', confirmPath: '/policies/confirm', compensatePath: '/policies/cancel' };
  const actions = [{ name: 'buy', kind: 'tcc', hasCompensation: true, ...paths }];
  const entry = { instance, baseUrl, kind: 'plain', protocol: 1, actions };
  let timer: NodeJS.Timeout | undefined;
  const enter = async (): Promise<void> => {
    const request = send('PUT', `${url}/v1/participants/insurance/instances/${instance}`, entry);
    // The coordinator may start later than this.
    const isEntered = await request.then(
      ({ ok }) => ok,
      () => false,
    );
    timer &&= setTimeout(() => void enter(), isEntered ? RENEW_MS : RETRY_MS);
  };
  timer = setTimeout(() => void enter());
  return () => {
    clearTimeout(timer);
    timer = undefined;
  };
}

function send(method: string, url: string, body: object): Promise<Response> {
  return fetch(url, {
    method,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}
