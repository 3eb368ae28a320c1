import type { CommandSource } from '../node/command.source.js';
import type { AnswerCounts } from './answer.intake.js';
import type { CommandCounts } from './command.intake.js';
import { createKafkaCalls, type CountedKafkaCalls, type KafkaCallsOptions } from './kafka.calls.js';
import { startKafkaCommands, type KafkaCommands, type KafkaCommandsOptions } from './kafka.commands.js';
import { checkSourceOptions } from './source.options.js';

/** How a service takes commands over Kafka, and calls others; what it says of itself elsewhere holds here too. */
export type KafkaSourceOptions = Omit<
  KafkaCommandsOptions,
  'participant' | 'lane' | 'keys' | 'log' | 'coordinator'
> &
  Pick<KafkaCallsOptions, 'preferred'>;

/** What became of records since the process began, for metrics of the service's own. */
export interface KafkaCounts {
  /** Of those that bring commands of coordinators, and calls of other services. */
  readonly commands: Readonly<CommandCounts>;
  /** Of those that bring answers to calls of this service. */
  readonly calls: Readonly<AnswerCounts>;
}

/** The option `kafka` of a service. */
export interface KafkaSource extends Required<CommandSource> {
  /** Returns what was counted so far. */
  counts(): KafkaCounts;
}

const NO_COMMANDS: CommandCounts = { dead: 0, distrusted: 0, slow: 0, busy: 0, unanswered: 0 };
const NO_ANSWERS: AnswerCounts = { passedOver: 0, askedAgain: 0, dead: 0, distrusted: 0 };

/**
 * Returns what has a service take commands over Kafka, and call the services that do: its option `kafka`.
 *
 * @throws MisuseError for options that cannot work.
 */
export function kafkaCommands(options: KafkaSourceOptions): KafkaSource {
  checkSourceOptions(options);
  const commands: KafkaCommands[] = [];
  const calls: CountedKafkaCalls[] = [];
  return {
    open: async (service) => {
      const opened = await startKafkaCommands({ ...options, ...service });
      commands.push(opened);
      return opened;
    },
    callsOf: (service) => {
      const made = createKafkaCalls({ ...options, ...service });
      calls.push(made);
      return made;
    },
    counts: () => ({
      commands: commands.reduce<CommandCounts>((sum, { counts }) => added(sum, counts), NO_COMMANDS),
      calls: calls.reduce<AnswerCounts>((sum, { counts }) => added(sum, counts), NO_ANSWERS),
    }),
  };
}

/** One option may be given to more than one service. */
function added<Name extends string>(
  sum: Readonly<Record<Name, number>>,
  more: Readonly<Record<Name, number>>,
): Record<Name, number> {
  const total: Record<Name, number> = { ...sum };
  for (const name of Object.keys(sum) as Name[]) {
    total[name] += more[name];
  }
  return total;
}
