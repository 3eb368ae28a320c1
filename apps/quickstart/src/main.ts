import { EmbeddedKafkaError } from '@atone/embedded-kafka';
import { EmbeddedPostgresError } from '@atone/embedded-postgres';
import { KafkaError } from '@atone/kafka';
import type { KafkaVariables } from '@atone/kafka/connect';
import { AtoneClientError } from '@atone/participant';
import { join } from 'node:path';
import { EXAMPLE_NAMES, exampleOf } from './examples.js';
import { readOptions } from './options.js';
import { requirePlatform } from './platform.check.js';
import { QuickstartError } from './quickstart.error.js';
import { runQuickstart, superviseProcesses, type Outcome } from './quickstart.js';
import { createTerminal } from './terminal.js';

/** What shells expect of a program that a signal cut short. */
const SIGNAL_EXIT_CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
type StopSignal = keyof typeof SIGNAL_EXIT_CODES;

const options = readOptions(process.argv.slice(2), EXAMPLE_NAMES);
const terminal = createTerminal(process.stdout);
const supervisor = superviseProcesses(join(options.data, 'logs'), terminal);
const stop = new AbortController();
let stoppedBy: StopSignal | undefined;
listenToSignals();
process.exitCode = await main();
// Requests of ours may still be held by a coordinator that is gone.
process.exit();

async function main(): Promise<number> {
  try {
    requirePlatform(`${process.platform}-${process.arch}`);
    const databaseUrl = process.env['ATONE_DATABASE_URL'] || undefined;
    const example = exampleOf(options.example);
    const kafka: KafkaVariables = process.env;
    if (options.kafka === undefined && kafka.ATONE_KAFKA_BROKERS !== undefined) {
      terminal.warn(
        'ATONE_KAFKA_BROKERS is not looked at here: --kafka <brokers> has commands go over Kafka.',
      );
    }
    const plan = { options, example, terminal, stop: stop.signal, supervisor, databaseUrl, kafka };
    return exitCodeOf(await runQuickstart(plan));
  } catch (error) {
    terminal.warn(sentenceOf(error));
    return 1;
  }
}

function exitCodeOf(outcome: Outcome): number {
  switch (outcome) {
    case 'well':
    case 'ended':
      return 0;
    case 'not-well':
      return 1;
    case 'stopped':
      return SIGNAL_EXIT_CODES[stoppedBy ?? 'SIGINT'];
  }
}

/** What we know by class says all in its message; anything else is a defect, and its place matters. */
function sentenceOf(error: unknown): string {
  const isKnown =
    error instanceof QuickstartError ||
    error instanceof EmbeddedPostgresError ||
    error instanceof EmbeddedKafkaError ||
    error instanceof KafkaError ||
    error instanceof AtoneClientError;
  if (isKnown) {
    return error.message;
  }
  return `The quickstart failed unexpectedly.\n${error instanceof Error ? error.stack : String(error)}`;
}

function listenToSignals(): void {
  for (const signal of Object.keys(SIGNAL_EXIT_CODES) as StopSignal[]) {
    process.on(signal, () => stopBy(signal));
  }
  // Nobody reads any more, as in `npm start | head`.
  process.stdout.on('error', () => stopBy('SIGTERM'));
}

/** The first time all end in order; the second time somebody cannot wait. */
function stopBy(signal: StopSignal): void {
  if (stoppedBy !== undefined) {
    supervisor.kill();
    return;
  }
  stoppedBy = signal;
  stop.abort();
  terminal.say('Stopping; the data are kept.');
}
