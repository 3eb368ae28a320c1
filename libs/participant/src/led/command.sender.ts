import type { BranchErrorClass, BranchReply } from '@atone/core';
import {
  attemptKey,
  COMMANDS_PATH,
  readReply,
  requestHeaders,
  type BranchCommand,
  type CommandBatch,
  type SigningKey,
} from '@atone/protocol';
import { NotConnectedError, type ClientPorts, type HttpResponse } from '../client.ports.js';
import { messageOf } from './settled.js';

/** What sending commands to other services takes. */
export interface SenderOptions {
  readonly send: ClientPorts['send'];
  /** Signs the requests, as participants that listen beyond their machine demand. */
  readonly key?: SigningKey | undefined;
  /** The time of this process, in ms since 1970, for signatures. */
  readonly nowMs: () => number;
  /** How long one attempt waits for its answer. */
  readonly replyTimeoutMs: number;
}

/** Sends one command to the instance at `baseUrl`, as a coordinator does. @throws NotConnectedError and nothing else. */
export async function sendCommand(
  command: BranchCommand,
  baseUrl: string,
  options: SenderOptions,
): Promise<BranchReply> {
  const url = `${baseUrl.replace(/\/$/u, '')}${COMMANDS_PATH}`;
  const batch: CommandBatch = { protocol: 1, commands: [command] };
  const body = JSON.stringify(batch);
  try {
    const { lane } = command;
    const headers = requestHeaders({ path: new URL(url).pathname, body, lane }, options.key, options.nowMs());
    const timeoutMs = Math.max(
      1,
      Math.min(options.replyTimeoutMs, command.remainingMs ?? Number.POSITIVE_INFINITY),
    );
    const response = await options.send({ method: 'POST', url, headers, body, timeoutMs });
    return replyIn(response, command, baseUrl);
  } catch (error) {
    const why = `${baseUrl} gave no answer: ${messageOf(error)}`;
    if (error instanceof NotConnectedError) {
      throw new NotConnectedError(why, { cause: error });
    }
    return unknown('unreachable', why);
  }
}

/** A no to the request as such will not become a yes before somebody changes a configuration. */
const FAULTS: ReadonlySet<number> = new Set([400, 401, 403, 413, 415]);

function replyIn({ status, text }: HttpResponse, command: BranchCommand, baseUrl: string): BranchReply {
  if (status < 200 || status > 299) {
    const errorClass = FAULTS.has(status) ? 'code' : 'unreachable';
    const said = /"detail":"([^"]{1,500})/u.exec(text)?.[1];
    return unknown(errorClass, `${baseUrl} answered ${status}${said === undefined ? '' : `: ${said}`}`);
  }
  const envelope = text
    .split('\n')
    .map(readReply)
    .find((candidate) => candidate !== undefined && attemptKey(candidate) === attemptKey(command));
  return envelope?.reply ?? unknown('error', `${baseUrl} answered without a line for the command`);
}

function unknown(errorClass: BranchErrorClass, message: string): BranchReply {
  return { outcome: 'unknown', error: { class: errorClass, message } };
}
