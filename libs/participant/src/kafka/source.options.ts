import { prefixOf } from '@atone/kafka/connect';
import { unknownName, type OptionNames } from '../node/option.names.js';
import { MisuseError } from '../participant.error.js';
import type { KafkaSourceOptions } from './kafka.source.js';

const NAMES: OptionNames<KafkaSourceOptions> = {
  client: true,
  signatureAgeMaxMs: true,
  prefix: true,
  groupId: true,
  createTopics: true,
  parallelMax: true,
  slowAfterMs: true,
  clock: true,
  preferred: true,
};

/**
 * Looks at the options of `kafkaCommands` before anything is started with them.
 *
 * @throws MisuseError for a name that is no option, and for a prefix that begins no name of a topic.
 */
export function checkSourceOptions(options: KafkaSourceOptions): void {
  const problem = unknownName(options, NAMES) ?? prefixProblem(options.prefix);
  if (problem !== undefined) {
    throw new MisuseError(`The options of kafkaCommands cannot work: ${problem}.`);
  }
}

function prefixProblem(prefix: string | undefined): string | undefined {
  const read = prefix === undefined ? undefined : prefixOf(prefix);
  return read !== undefined && 'rule' in read ? `\`prefix\` ${read.rule}; it is '${prefix}'` : undefined;
}
