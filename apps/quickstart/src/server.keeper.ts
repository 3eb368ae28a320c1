/** A server that runs. */
export interface KeptServer {
  readonly pid: number;
  stop(): Promise<void>;
}

export interface KeeperPorts<Server extends KeptServer> {
  /** As in "PostgreSQL". */
  readonly name: string;
  isAlive(pid: number): boolean;
  /** Starts the server again that is gone, on the port that everybody knows. */
  restart(gone: Server): Promise<Server>;
  /** Resolves after `delayMs`, or at once when `signal` is aborted. */
  sleep(delayMs: number, signal: AbortSignal): Promise<void>;
  warn(line: string): void;
}

const LOOK_EVERY_MS = 1_000;

/** Brings back a server whenever it is gone, until it is stopped. */
export class ServerKeeper<Server extends KeptServer> {
  readonly #stopping = new AbortController();
  readonly #watch: Promise<void>;
  #lastComplaint = '';

  constructor(
    private server: Server,
    private readonly ports: KeeperPorts<Server>,
  ) {
    this.#watch = this.#lookAgainAndAgain();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#watch;
    await this.server.stop();
  }

  async #lookAgainAndAgain(): Promise<void> {
    const { signal } = this.#stopping;
    // oxlint-disable no-await-in-loop -- a poll
    for (;;) {
      await this.ports.sleep(LOOK_EVERY_MS, signal);
      if (signal.aborted) {
        return;
      }
      if (!this.ports.isAlive(this.server.pid)) {
        await this.#bringBack();
      }
    }
    // oxlint-enable no-await-in-loop
  }

  async #bringBack(): Promise<void> {
    try {
      this.server = await this.ports.restart(this.server);
      this.ports.warn(`${this.ports.name} was gone, and is up again.`);
      this.#lastComplaint = '';
    } catch (error) {
      this.#complainOnce(error instanceof Error ? error.message : String(error));
    }
  }

  #complainOnce(complaint: string): void {
    if (complaint !== this.#lastComplaint) {
      this.#lastComplaint = complaint;
      this.ports.warn(complaint);
    }
  }
}
