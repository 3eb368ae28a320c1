import { endingOf, type LoggedEnding } from '@atone/engine';
import type { TransactionEndings } from '@atone/participant';
import { SimulatedOutage } from './log.line.js';
import { never, type Life } from './sim.process.js';
import { whenSettled } from './when-settled.js';

const TIMEOUT_MS = 500;

/** The question of a participant which transactions have ended, at some coordinator that may or may not answer. */
export function endingsOver(life: Life): TransactionEndings {
  return { endings: (gids) => (life.isOver ? never() : ask(life, gids)) };
}

function ask(life: Life, gids: readonly string[]): ReturnType<TransactionEndings['endings']> {
  const { world, name } = life.process;
  const coordinator = world.draws.pick(`${name} endings where`, world.coordinators);
  return new Promise((resolve, reject) => {
    life.after(TIMEOUT_MS, () => {
      reject(new SimulatedOutage(`${coordinator.name} did not answer.`));
    });
    if (world.network.isCut(name, coordinator.name)) {
      return;
    }
    world.scheduler.after(1, () => {
      coordinator.life?.after(0, () => {
        void whenSettled(
          coordinator.engine?.endings(gids) ?? never<readonly LoggedEnding[]>(),
          (endings) => {
            if (!world.network.isCut(coordinator.name, name)) {
              life.after(1, () => {
                resolve(endings.map(endingOf));
              });
            }
          },
          () => undefined,
        );
      });
    });
  });
}
