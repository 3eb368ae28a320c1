import { startLed } from './led/led.rig.js';
import type { LoadResult } from './load.js';
import type { Rig } from './rig.js';
import { startSagas } from './saga.load.js';

/** A load that can be borne for a while, again and again. */
export interface TaskLoad {
  bear(shape: { readonly inFlight: number; readonly seconds: number }): Promise<LoadResult>;
  stop(): Promise<void>;
}

/** Transactions that are led or submitted under load, for as long as one likes. */
export type LoadTask = 'saga' | 'tcc' | 'led-saga';

/** Starts what bears the load of `task` on `rig`. Barriers are kept only of led transactions. */
export function startTask(rig: Rig, task: LoadTask, hasBarrier: boolean): Promise<TaskLoad> {
  switch (task) {
    case 'saga':
      return startSagas(rig);
    case 'tcc':
      return startLed(rig, { action: 'hold', hasBarrier });
    case 'led-saga':
      return startLed(rig, { action: 'work', hasBarrier });
  }
}
