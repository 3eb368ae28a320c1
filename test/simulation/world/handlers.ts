import { action, contract, RefusedError, type ActionHandler } from '@atone/participant';
import type { MemoryTransaction } from '@atone/participant/testing';
import { z } from 'zod';
import { ACTIONS } from '../plan/transaction.draw.js';
import type { Life } from './sim.process.js';

const input = z.object({ branch: z.string() });
const output = z.object({ booked: z.string() });

/** What a handler leaves behind: one entry for each time that it took effect. */
export interface Effect {
  readonly gid: string;
  readonly branchId: string;
  readonly op: 'action' | 'compensate';
}

/** Returns a service's code: it writes down what it does, and sometimes refuses, throws or takes long. */
export function handlersOf(life: Life, service: string): readonly ActionHandler<MemoryTransaction>[] {
  const offered = contract(service, {
    [ACTIONS.undoable]: action({ input, output }),
    [ACTIONS.final]: action({ input, output }),
  });
  return Object.values(offered).map((each) => ({
    contract: each,
    run: async (value, { gid, branchId, transaction }) => {
      const { branch } = value as { branch: string };
      await takeTime(life, `${branch} action`);
      transaction.record({ gid, branchId, op: 'action' } satisfies Effect);
      fail(life, `${branch} action`);
      return { booked: branch };
    },
    compensate:
      each.name === ACTIONS.final
        ? undefined
        : async ({ gid, branchId, input: value, transaction }) => {
            const { branch } = value as { branch: string };
            await takeTime(life, `${branch} undo`);
            transaction.record({ gid, branchId, op: 'compensate' } satisfies Effect);
            fail(life, `${branch} undo`);
          },
  }));
}

/** Takes long, if fate has it so. */
export async function takeTime(life: Life, point: string): Promise<void> {
  const slowness = life.process.world.fates.strike('slow-code', point);
  if (slowness !== undefined) {
    await new Promise<void>((resolve) => {
      life.after(slowness * 3_000, resolve);
    });
  }
}

/** Throws or refuses, if fate has it so. */
export function fail(life: Life, point: string): void {
  const { fates } = life.process.world;
  if (fates.strike('defect', point) !== undefined) {
    throw new TypeError('undefined is not a function');
  }
  if (fates.strike('error', point) !== undefined) {
    throw new Error('The code of the service failed.');
  }
  if (fates.strike('refusal', point) !== undefined) {
    throw new RefusedError('The service says no.');
  }
}
