import { prefixOf } from '@atone/kafka/connect';
import { MisuseError } from '../participant.error.js';
import type { KafkaSourceOptions } from './kafka.source.js';

/**
 * Looks at the options of `kafkaCommands` before anything is started with them.
 *
 * @throws MisuseError for a prefix that begins no name of a topic.
 */
export function checkSourceOptions({ prefix }: KafkaSourceOptions): void {
  const read = prefix === undefined ? undefined : prefixOf(prefix);
  if (read !== undefined && 'rule' in read) {
    throw new MisuseError(
      `The options of kafkaCommands cannot work: \`prefix\` ${read.rule}; it is '${prefix}'.`,
    );
  }
}
