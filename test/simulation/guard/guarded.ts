import { forbidHiddenInputs } from './hidden.inputs.js';

let isBusy = false;

/** Does `work`, and reports whatever goes wrong in it or beside it: also what nobody awaited, or asked the real world for. */
export async function guarded(report: (error: unknown) => void, work: () => Promise<void>): Promise<void> {
  if (isBusy) {
    throw new Error('A process can simulate one world at a time: failpoints, clocks and timers are shared.');
  }
  isBusy = true;
  const allowHiddenInputs = forbidHiddenInputs(report);
  process.on('unhandledRejection', report);
  process.on('uncaughtException', report);
  try {
    await work();
  } catch (error) {
    report(error);
  } finally {
    process.off('unhandledRejection', report);
    process.off('uncaughtException', report);
    allowHiddenInputs();
    isBusy = false;
  }
}
