import { modeOf } from '../bugs/planted.bugs.js';
import { watchCrypto } from '../guard/hidden.inputs.js';
import { planOfSeed } from '../plan/simulation.plan.js';
import { simulate } from '../run.js';
import { explain } from '../shrink/explanation.js';
import { EMPTY_TALLY, sumOf, tallyOf, type Tally } from './tally.js';
import type { WorkerAnswer, WorkerRequest } from './worker.messages.js';

/*
 * A process that simulates what it is asked for, one request at a time, until whoever started it hangs up.
 */

watchCrypto();
process.on('message', (request: WorkerRequest) => {
  void answer(request).then((message) => process.send?.(message));
});
process.once('disconnect', () => {
  process.exit();
});

async function answer(request: WorkerRequest): Promise<WorkerAnswer> {
  try {
    return request.type === 'run'
      ? { type: 'ran', tally: await run(request) }
      : { type: 'explained', explanation: await explain(request.plan, request.shrinkMs) };
  } catch (error) {
    return { type: 'broken', stack: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}

async function run({ from, count, stopsAtFirst }: Extract<WorkerRequest, { type: 'run' }>): Promise<Tally> {
  let tally = EMPTY_TALLY;
  for (let seed = from; seed < from + count; seed += 1) {
    const plan = planOfSeed(seed, modeOf(process.env['ATONE_PLANTED_BUG']));
    // oxlint-disable-next-line no-await-in-loop -- there is one world at a time in a process.
    tally = sumOf(tally, tallyOf(plan, await simulate(plan)));
    if (stopsAtFirst && tally.failed.length > 0) {
      break;
    }
  }
  return tally;
}
