import { forbidHiddenInputs } from './hidden.inputs.js';

/** Does `work`, and reports whatever goes wrong in it or beside it: also what nobody awaited, or asked the real world for. */
export async function guarded(report: (error: unknown) => void, work: () => Promise<void>): Promise<void> {
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
  }
}
