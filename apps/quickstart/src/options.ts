import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brokersOf } from '@atone/kafka/connect';
import { Command, InvalidArgumentError, Option } from 'commander';

/** What `npm start` was asked to do. */
export interface QuickstartOptions {
  /** The name of the example to show. */
  readonly example: string;
  /** Whether to end after the run rather than stay up. */
  readonly exit: boolean;
  /** Whether to delete the data of earlier runs first. */
  readonly fresh: boolean;
  /** The file of orders; undefined stands for the example's own work. */
  readonly orders: string | undefined;
  /** How many transactions are under way at once; undefined stands for what the example says. */
  readonly concurrency: number | undefined;
  /** Brokers of Kafka, or `embedded` for one of our own; undefined stands for commands over HTTP. */
  readonly kafka: 'embedded' | readonly string[] | undefined;
  readonly coordinators: number;
  /** How many there are of each service. */
  readonly instances: number;
  /** The first coordinator's port; the others and the services take those above it. */
  readonly port: number;
  /** The folder that keeps data and logs. */
  readonly data: string;
}

export const REPOSITORY = fileURLToPath(new URL('../../..', import.meta.url));

const BROKERS = 'host:port, with commas between several, or `embedded`';

const DEFAULT_PORT = 7_070;
const DEFAULT_DATA = join(REPOSITORY, '.atone');

/** Of coordinators, and of instances of each service. */
const COPY_COUNT_MAX = 4;

/** So many coordinators and instances of eight ports. */
const PORT_COUNT_MAX = COPY_COUNT_MAX * 9;
const PORT_MAX = 65_535 - PORT_COUNT_MAX;
const CONCURRENCY_MAX = 2_000;

/**
 * Returns the options in `args`. Ends the process after `--help`, or with a sentence about what it cannot read.
 *
 * `examples` are the names to choose from; the first one is shown if nothing is said.
 */
export function readOptions(args: readonly string[], examples: readonly string[]): QuickstartOptions {
  const command = new Command('npm start --')
    .description(
      'Starts PostgreSQL, the coordinator and the services of an example, does its work, and stays up.',
    )
    .addOption(new Option('--example <name>', 'which example to show').choices(examples).default(examples[0]))
    .option('--exit', 'end after the run; the exit code tells whether all was well')
    .option('--fresh', 'delete what earlier runs left, and begin anew')
    .option(
      '--orders <file>',
      'of the music shop: place the orders in this CSV file instead of the sample',
      fromHere,
    )
    .option(
      '--concurrency <n>',
      'how many transactions are under way at once (default: as the example says)',
      wholeNumber(1, CONCURRENCY_MAX),
    )
    .option(
      // Optional for the parser alone: so that what is missing is told in words of ours.
      '--kafka [brokers]',
      `send commands over Kafka: ${BROKERS} for one of our own, which takes Java 17 or later`,
      brokers,
    )
    .option(
      '--coordinators <n>',
      `how many coordinators share the work, 1 to ${COPY_COUNT_MAX}`,
      wholeNumber(1, COPY_COUNT_MAX),
      1,
    )
    .option(
      '--instances <n>',
      `how many there are of each service, 1 to ${COPY_COUNT_MAX}`,
      wholeNumber(1, COPY_COUNT_MAX),
      1,
    )
    .option(
      '--port <port>',
      'of the first coordinator; the others and the services take the ports above: 6 for each instance of the music shop, 8 of the travel agency',
      wholeNumber(1, PORT_MAX),
      DEFAULT_PORT,
    )
    .option('--data <folder>', 'where data and logs are kept', fromHere, DEFAULT_DATA)
    .allowExcessArguments(false)
    .parse(args, { from: 'user' });
  const {
    exit = false,
    fresh = false,
    orders,
    concurrency,
    kafka,
    ...rest
  } = command.opts<Partial<Given> & Defaulted>();
  if (kafka === true) {
    return command.error(`error: option '--kafka' needs ${BROKERS}.`);
  }
  return { ...rest, exit, fresh, orders, concurrency, kafka };
}

/** `true` for brokers that are not named. */
type Given = Omit<QuickstartOptions, 'kafka'> & { readonly kafka: QuickstartOptions['kafka'] | true };

type Defaulted = Pick<QuickstartOptions, 'example' | 'coordinators' | 'instances' | 'port' | 'data'>;

/** Returns the arguments that lead to the same programs, ports and data again, each after a space. */
export function placeOf(
  options: Omit<Defaulted, 'example'> & Pick<QuickstartOptions, 'kafka' | 'orders'>,
): string {
  const { kafka, coordinators, instances, orders, port, data } = options;
  const words = [
    kafka === undefined ? '' : ` --kafka ${typeof kafka === 'string' ? kafka : kafka.join(',')}`,
    orders === undefined ? '' : ` --orders ${JSON.stringify(orders)}`,
    coordinators === 1 ? '' : ` --coordinators ${coordinators}`,
    instances === 1 ? '' : ` --instances ${instances}`,
    port === DEFAULT_PORT ? '' : ` --port ${port}`,
    data === DEFAULT_DATA ? '' : ` --data ${JSON.stringify(data)}`,
  ];
  return words.join('');
}

/** npm runs scripts in the repository's root, and tells where it was called. */
function fromHere(path: string): string {
  return resolve(process.env['INIT_CWD'] ?? process.cwd(), path);
}

function brokers(text: string): 'embedded' | readonly string[] {
  if (text === 'embedded') {
    return text;
  }
  const read = brokersOf(text);
  if ('rule' in read) {
    throw new InvalidArgumentError(`It ${read.rule}, or \`embedded\`.`);
  }
  return read.value;
}

function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,6}$/u.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) {
      return value;
    }
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  };
}
