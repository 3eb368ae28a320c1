import {
  createPortServiceCalls,
  MisuseError,
  type HttpRequest,
  type HttpResponse,
  type ServiceCallPorts,
  type ServiceCalls,
} from '@atone/participant';
import type { CommandBatch, ReplyEnvelope } from '@atone/protocol';
import type { Clock } from '@atone/engine';
import { NEVER } from './coordinator.process.js';
import type { Initiator } from './initiator.js';
import type { Network } from './network.js';
import type { Pace } from './pace.js';

export interface LedCallParts {
  readonly network: Network;
  readonly pace: Pace;
  readonly clock: Clock;
  readonly time: ServiceCallPorts['time'];
  /** Who calls; undefined where that is the handler of a participant. */
  readonly initiator: () => Initiator | undefined;
}

/**
 * Returns what makes the calls of service clients in a test: from one service to the other in memory, over the network that
 * commands pass, so that the same goes wrong with them. A service's calls of its own actions go the same way.
 */
export function createLedCalls(parts: LedCallParts): ServiceCalls {
  const { network, pace, time, initiator } = parts;
  const calls = createPortServiceCalls(
    {
      directory: {
        waysTo: async (service, lane) => {
          if (!network.has(service, lane)) {
            throw new MisuseError(nobodyThere(service));
          }
          return { baseUrls: [`http://${service}.test`] };
        },
      },
    },
    { send: (request) => bring(parts, request), time },
  );
  return {
    async call(contract, input, options) {
      const caller = initiator();
      if (caller?.isDead === true) {
        return NEVER;
      }
      const answer = calls.call(contract, input, options);
      if (caller === undefined) {
        return pace.during(answer);
      }
      const first = await pace.during(Promise.race([answer.then((output) => ({ output })), caller.death]));
      return first === undefined ? NEVER : first.output;
    },
  };
}

/** Brings one command to its participant, and the reply back, as HTTP would. */
function bring(
  { network, clock, initiator }: LedCallParts,
  { body = '', timeoutMs }: HttpRequest,
): Promise<HttpResponse> {
  const [command] = (JSON.parse(body) as CommandBatch).commands;
  if (command === undefined) {
    return Promise.reject(new Error('A call without a command.'));
  }
  const caller = initiator();
  return new Promise((resolve, reject) => {
    const timer = clock.setTimer(timeoutMs, () =>
      reject(new Error(`No answer came within ${timeoutMs} ms.`)),
    );
    const end = (settle: () => void): void => {
      timer.cancel();
      settle();
    };
    network.send(
      command,
      {
        take: (reply) => end(() => resolve(responseOf(reply))),
        lose: () => end(() => reject(new Error('The connection broke, because the test wants it.'))),
        die: () => end(() => caller?.die()),
      },
      timeoutMs,
    );
  });
}

function responseOf(reply: ReplyEnvelope): HttpResponse {
  return { status: 200, text: `${JSON.stringify(reply)}\n`, header: () => undefined };
}

function nobodyThere(service: string): string {
  return `The service '${service}' takes no part in this test: its application was not yet initialised (\`await app.init()\`), or nobody stubs it.`;
}
