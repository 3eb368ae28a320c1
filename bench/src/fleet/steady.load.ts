import type { SagaClient } from '../saga.client.js';

/** Keeps sagas under way until it is stopped, at coordinators that may go. */
export class SteadyLoad {
  private clients: readonly SagaClient[];
  private readonly lanes: readonly Promise<void>[];
  private turn = 0;
  private isStopped = false;

  constructor(clients: readonly SagaClient[], inFlight: number) {
    this.clients = clients;
    this.lanes = Array.from({ length: inFlight }, () => this.lane());
  }

  /** Has these alone get what comes next. What goes wrong at the others is of no account from now on. */
  use(clients: readonly SagaClient[]): void {
    this.clients = clients;
  }

  /** Begins no more, and waits for what is under way. @throws what went wrong at a coordinator that is in use. */
  async stop(): Promise<void> {
    this.isStopped = true;
    await Promise.all(this.lanes);
  }

  private async lane(): Promise<void> {
    while (!this.isStopped) {
      this.turn += 1;
      const client = this.clients[this.turn % this.clients.length];
      try {
        // oxlint-disable-next-line no-await-in-loop -- each lane has one saga under way.
        await client?.run();
      } catch (error) {
        if (client !== undefined && this.clients.includes(client)) {
          throw error;
        }
      }
    }
  }
}
