import type { BranchReply } from '@atone/core';
import type { BranchCommand, SigningKey } from '@atone/protocol';
import type { ClientPorts } from '../client.ports.js';
import type { SendAttempt } from './branch.call.js';
import { sendCommand } from './command.sender.js';
import type { KafkaCalls } from './kafka.calls.port.js';
import type { ServiceDirectory, ServiceWays } from './service.directory.js';

/** A participant in this process. */
export interface LocalService {
  readonly service: string;
  execute(this: void, command: BranchCommand): Promise<BranchReply>;
}

export interface RouterOptions {
  readonly directory: ServiceDirectory;
  readonly local?: LocalService | undefined;
  readonly kafka?: KafkaCalls | undefined;
  readonly key?: SigningKey | undefined;
  readonly send: ClientPorts['send'];
  readonly nowMs: () => number;
  readonly replyTimeoutMs: number;
  /** Over Kafka nothing but silence tells of a loss, so that it had better not last for all of a call's patience. */
  readonly kafkaReplyTimeoutMs: number;
}

/**
 * Returns what finds the way of each attempt anew: in this process, by a request or over Kafka. Where a service is reached both ways it
 * is asked by a request, unless Kafka is preferred and would bring the answer.
 */
export function routerOf(options: RouterOptions): (command: BranchCommand) => Promise<SendAttempt> {
  const { directory, local, kafka, kafkaReplyTimeoutMs } = options;
  let turn = 0;
  return async (command) => {
    if (command.service === local?.service) {
      return () => local.execute(command);
    }
    const ways = await directory.waysTo(command.service, command.lane);
    const topic = topicFor(kafka, ways);
    if (kafka !== undefined && topic !== undefined) {
      const { remainingMs = kafkaReplyTimeoutMs } = command;
      return kafka.route(command, { topic, replyTimeoutMs: Math.min(kafkaReplyTimeoutMs, remainingMs) });
    }
    // Calls take turns, and so do the attempts of one call: an instance that is gone is passed over.
    turn += 1;
    const baseUrl = String(ways.baseUrls[turn % ways.baseUrls.length]);
    return () => sendCommand(command, baseUrl, options);
  };
}

function topicFor(kafka: KafkaCalls | undefined, { topic, baseUrls }: ServiceWays): string | undefined {
  const isPreferred = kafka?.isPreferred === true && kafka.isReady;
  return baseUrls.length === 0 || isPreferred ? topic : undefined;
}
