import { CoordinatorRefusedError } from './client.errors.js';
import type { ElapsedClock } from './client.ports.js';

/** So long a submission waits for its own service to be known. */
const ENTRY_WAIT_MS = 5_000;

/** Whether the service of this process is in the catalogue yet: what it submits first may name its own actions. */
export class OwnEntry {
  private isTried = false;
  private isThere = false;
  private readonly waiting = new Set<() => void>();

  constructor(private readonly clock: ElapsedClock) {}

  /** Takes note of an attempt to enter an instance, and of its success. */
  async through(entering: Promise<void>): Promise<void> {
    this.isTried = true;
    await entering;
    this.isThere = true;
    this.waiting.forEach((go) => {
      go();
    });
  }

  /**
   * Submits; and once more where the coordinator did not know an action while the service was still about to enter itself. It has written
   * nothing then.
   */
  async submitting<Answer>(submit: () => Promise<Answer>): Promise<Answer> {
    if (this.isThere) {
      return submit();
    }
    try {
      return await submit();
    } catch (error) {
      if (!isUnknownAction(error) || !(await this.entered())) {
        throw error;
      }
    }
    return submit();
  }

  /** Tells whether the service is there, or has come within a while. Nobody waits where none is about to come. */
  private async entered(): Promise<boolean> {
    if (this.isTried && !this.isThere) {
      await new Promise<void>((resolve) => {
        const timer = this.clock.setTimer(ENTRY_WAIT_MS, () => go());
        const go = (): void => {
          timer.cancel();
          this.waiting.delete(go);
          resolve();
        };
        this.waiting.add(go);
      });
    }
    return this.isThere;
  }
}

function isUnknownAction(error: unknown): boolean {
  return error instanceof CoordinatorRefusedError && error.code === 'UNKNOWN_ACTION';
}
