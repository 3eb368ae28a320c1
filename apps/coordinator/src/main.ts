import { readConfiguration, unknownVariables } from './configuration.js';
import { createCoordinator, type Coordinator } from './coordinator.js';
import { errorFacts } from './error.facts.js';
import { openLogger } from './ports/pino.logger.js';
import { StartError } from './start.error.js';
import { STOP_MS_MAX } from './stop.limit.js';

/** As `sysexits.h` has it (EX_CONFIG): to start again changes nothing, somebody has to change something first. */
const EXIT_CODE_MISCONFIGURED = 78;

try {
  const configuration = readConfiguration(process.env);
  const logger = openLogger(configuration.logLevel);
  for (const sentence of unknownVariables(process.env)) {
    logger.warn(sentence);
  }
  stopOnSignals(await createCoordinator({ configuration, logger }));
} catch (error) {
  // Only a defect comes with a trace; what can be expected has its sentence.
  const { message, stack } = errorFacts(error);
  process.stderr.write(`${error instanceof StartError ? message : (stack ?? message)}\n`);
  process.exit(error instanceof StartError && !error.mayPass ? EXIT_CODE_MISCONFIGURED : 1);
}

function stopOnSignals(coordinator: Coordinator): void {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      setTimeout(() => {
        process.stderr.write(`The coordinator did not stop within ${STOP_MS_MAX / 1_000} s and ends now.\n`);
        process.exit(1);
      }, STOP_MS_MAX).unref();
      void closeAndExit(coordinator);
    });
  }
}

/** All that matters has its end then. A client of Kafka may go on for as long as its group waits for another member. */
async function closeAndExit(coordinator: Coordinator): Promise<void> {
  await coordinator.close();
  process.exit(0);
}
