import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  HEADERS,
  PROTOCOL_VERSION,
  replyTo,
  type BranchCommand,
  type ReplyEnvelope,
  type SigningKey,
} from '@atone/protocol';
import type { Participant } from '../participant.js';
import type { ReceivedCommand } from './command-batch.js';
import { commandsPath, readBatch } from './command-request.js';
import { RequestRejected, sendProblem } from './http.problem.js';
import { systemClock } from './system-clock.js';

export interface CommandListenerOptions {
  /**
   * What comes before `/atone/v1/commands` in the path of a request, such as `/internal`. The `baseUrl` in the catalogue
   * has to end in it. Default: nothing.
   */
  readonly prefix?: string | undefined;
  /** Who may send commands, any one of them. Default: none, and then only this machine may. */
  readonly keys?: readonly SigningKey[] | undefined;
  /** Default: the system's. */
  readonly clock?: { now(): number } | undefined;
}

export type CommandListener = (request: IncomingMessage, response: ServerResponse) => void;

/**
 * Returns a request listener for `POST <prefix>/atone/v1/commands`, to be mounted in a server of one's own, before
 * anything that reads the body.
 *
 * @throws MisuseError if `prefix` is no path.
 */
export function commandListener(
  participant: Participant,
  { prefix, keys = [], clock = systemClock }: CommandListenerOptions = {},
): CommandListener {
  const path = commandsPath(prefix);
  return (request, response) => {
    response.on('error', () => undefined);
    readBatch(request, { path, keys, clock })
      .then((batch) => answer(participant, batch, response))
      .catch((error: unknown) => refuse(response, error));
  };
}

/** Writes each reply as soon as it is known. That nobody listens any more stops no command: its effect counts. */
async function answer(
  participant: Participant,
  batch: readonly ReceivedCommand[],
  response: ServerResponse,
): Promise<void> {
  response.writeHead(200, {
    'content-type': 'application/x-ndjson; charset=utf-8',
    'cache-control': 'no-store',
    [HEADERS.protocol]: String(PROTOCOL_VERSION),
  });
  response.flushHeaders();
  await Promise.all(
    batch.map(async (received) => {
      const line = 'reply' in received ? received.reply : await carryOut(participant, received.command);
      response.write(`${JSON.stringify(line)}\n`);
    }),
  );
  response.end();
}

async function carryOut(participant: Participant, command: BranchCommand): Promise<ReplyEnvelope> {
  return replyTo(command, await participant.execute(command));
}

function refuse(response: ServerResponse, error: unknown): void {
  if (error instanceof RequestRejected) {
    sendProblem(response, error.rejection);
    return;
  }
  sendProblem(response, {
    status: 500,
    code: 'INTERNAL',
    title: 'Internal error',
    detail: 'The batch could not be read.',
  });
}
