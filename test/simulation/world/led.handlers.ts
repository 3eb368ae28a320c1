import { RefusedError, type ActionHandler } from '@atone/participant';
import type { MemoryTransaction } from '@atone/participant/testing';
import type { LedWork } from '../plan/led.draw.js';
import { fail, takeTime } from './handlers.js';
import { ledContract, type LedInput, type LedOutput } from './led.contract.js';
import type { LedKit } from './led.kit.js';
import { perform } from './led.work.js';
import type { Life } from './sim.process.js';

/** What a handler of a led transaction leaves behind. */
export interface LedEffect {
  readonly gid: string;
  readonly branchId: string;
  readonly op: 'action' | 'confirm' | 'compensate';
  /** Which run it is of. */
  readonly effect: string;
}

/** Returns a service's code for led transactions: it writes down what it does, calls others, and fails now and then. */
export function ledHandlersOf(
  life: Life,
  service: string,
  kit: LedKit,
): readonly ActionHandler<MemoryTransaction>[] {
  const { story } = life.process.world.safety.led;
  return Object.values(ledContract(service)).map((each) => ({
    contract: each,
    run: async (value, { gid, branchId, transaction }) => {
      const { branch, below } = value as LedInput;
      const part = story.run(gid, branch);
      await takeTime(life, `${branch} action`);
      transaction.record({ gid, branchId, op: 'action', effect: part.id } satisfies LedEffect);
      await perform(kit, below as LedWork, part);
      fail(life, `${branch} action`);
      return { booked: branch, effect: part.id };
    },
    compensate: async ({ gid, branchId, input: value, output: stored, transaction }) => {
      const { branch } = value as LedInput;
      const { effect = 'none' } = (stored ?? {}) as Partial<LedOutput>;
      await takeTime(life, `${branch} undo`);
      transaction.record({ gid, branchId, op: 'compensate', effect } satisfies LedEffect);
      fail(life, `${branch} undo`);
    },
    confirm:
      each.kind === 'saga'
        ? undefined
        : async ({ gid, branchId, input: value, output: stored, transaction }) => {
            const { branch } = value as LedInput;
            const { effect } = stored as LedOutput;
            await takeTime(life, `${branch} confirm`);
            transaction.record({ gid, branchId, op: 'confirm', effect } satisfies LedEffect);
            failToConfirm(life, `${branch} confirm`);
          },
  }));
}

function failToConfirm(life: Life, point: string): void {
  const { fates } = life.process.world;
  if (fates.strike('error', point) !== undefined) {
    throw new Error('The code of the service failed.');
  }
  if (fates.strike('confirm-refusal', point) !== undefined) {
    throw new RefusedError('The service does not confirm.');
  }
}
