import { isEnded, type OperatorAct } from '@atone/core';
import { snapshotOf, type DriverTable } from './driver.table.js';
import { OverloadedError, TransactionEndedError } from './errors.js';
import { DriverReleasedError, type SagaDriver } from './saga.driver.js';
import { isQuarantined, type Snapshot } from './snapshot.js';

const ATTEMPT_COUNT_MAX = 5;

interface ActParts {
  readonly instanceId: string;
  readonly drivers: DriverTable;
  /** Returns the transaction as it stands. @throws {TransactionNotFoundError} */
  readonly read: (gid: string) => Promise<Snapshot>;
}

/** Carries out what operators ask for. */
export class Acts {
  constructor(private readonly parts: ActParts) {}

  /** Carries out one act; see Engine.act. */
  async act(gid: string, act: OperatorAct): Promise<Snapshot> {
    const driver = await untilTaken(gid, async () => this.actOnce(gid, act));
    return snapshotOf(driver, isEnded(driver.saga) ? undefined : this.parts.instanceId);
  }

  private async actOnce(gid: string, act: OperatorAct): Promise<SagaDriver> {
    const { drivers, instanceId } = this.parts;
    const driver = drivers.get(gid);
    if (driver !== undefined) {
      await driver.ask(act);
      return driver;
    }
    const row = await drivers.claim(gid);
    const heir = row === undefined ? undefined : drivers.open(row);
    if (row === undefined || heir === undefined) {
      const { saga } = await this.parts.read(gid);
      if (isEnded(saga)) {
        throw new TransactionEndedError(gid, saga.state);
      }
      throw new DriverReleasedError(gid);
    }
    if (act.type === 'retry' && isQuarantined(row, heir.saga)) {
      // To drive it again is all that was asked for; no branch of it is stuck.
      heir.post({ type: 'claim', by: act.by });
    } else {
      await heir.claimFor(act, instanceId);
    }
    return heir;
  }
}

/**
 * Returns what `once` makes of a transaction, asked again where its driver let go of it in between.
 *
 * @throws {OverloadedError} when it keeps changing hands.
 */
export async function untilTaken<Answer>(gid: string, once: () => Promise<Answer>): Promise<Answer> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      // oxlint-disable-next-line no-await-in-loop -- each attempt follows from what became of the one before.
      return await once();
    } catch (error) {
      if (!(error instanceof DriverReleasedError)) {
        throw error;
      }
      if (attempt >= ATTEMPT_COUNT_MAX) {
        throw new OverloadedError(`Transaction ${gid} keeps changing hands. Nothing was done; ask again.`, {
          cause: error,
        });
      }
    }
  }
}
