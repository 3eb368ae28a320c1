import { Pool } from 'undici';

const SAGA = JSON.stringify({
  name: 'bench',
  steps: [
    { name: 'first', service: 'bench', action: 'work', input: { amount: 1 } },
    { name: 'second', service: 'bench', action: 'work', input: { amount: 2 } },
  ],
});

/** How a participant is reached. */
export type ParticipantPlace = { readonly baseUrl: string } | { readonly kafka: { readonly topic: string } };

/** Submits sagas of two steps to a coordinator, one request each, which is answered when the saga has ended. */
export class SagaClient {
  private readonly http: Pool;

  constructor(url: string) {
    this.http = new Pool(url, { connections: 1_024, pipelining: 1 });
  }

  /** Has a saga run to its end. @throws when the coordinator has not brought it there. */
  run(): Promise<void> {
    return this.post('/v1/transactions?wait=30s', 200);
  }

  /** Has a saga accepted. @throws when it is not known to be. */
  submit(): Promise<void> {
    return this.post('/v1/transactions', 202);
  }

  /** Enters the participant of the sagas in the catalogue. */
  async register(place: ParticipantPlace): Promise<void> {
    const instance = {
      instance: 'bench-1',
      ...place,
      kind: 'library',
      protocol: 1,
      actions: [{ name: 'work', hasCompensation: true }],
    };
    const { statusCode, body } = await this.http.request({
      method: 'PUT',
      path: '/v1/participants/bench/instances/bench-1',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(instance),
    });
    const text = await body.text();
    if (statusCode >= 300) {
      throw new Error(`The participant could not register: ${text}`);
    }
  }

  close(): Promise<void> {
    return this.http.close();
  }

  private async post(path: string, expectedStatus: number): Promise<void> {
    const { statusCode, body } = await this.http.request({
      method: 'POST',
      path,
      headers: { 'content-type': 'application/json' },
      body: SAGA,
    });
    const answer = await body.text();
    if (statusCode !== expectedStatus) {
      throw new Error(`The coordinator answered ${statusCode}: ${answer.slice(0, 500)}`);
    }
  }
}
