import { COMMAND_COUNT_MAX } from '@atone/protocol';

/** How much the transport takes on before it waits or gives up. */
export interface HttpTransportLimits {
  /** Commands in one request to a participant with the library. */
  readonly commandCountMax: number;
  /** Octets in the body of one request. A command that is larger by itself is not sent. */
  readonly bodyBytesMax: number;
  /** Requests in flight to one instance, half of them for one action; past it commands wait and gather. */
  readonly requestCountMax: number;
  /** How late an answer may come, after all commands of its request were given up, before the request is cut off. */
  readonly lateAnswerMs: number;
  readonly connectTimeoutMs: number;
  /** Octets in one reply: a line of a library participant, the body of a plain endpoint. */
  readonly replyBytesMax: number;
  /** For how long an instance that could not be reached is passed over where another one is there. */
  readonly avoidMs: number;
  /** How long `close` waits for what is in flight. */
  readonly drainMs: number;
}

export const DEFAULT_LIMITS: HttpTransportLimits = {
  commandCountMax: COMMAND_COUNT_MAX,
  bodyBytesMax: 1_048_576,
  requestCountMax: 32,
  lateAnswerMs: 2_000,
  connectTimeoutMs: 5_000,
  replyBytesMax: 65_536,
  avoidMs: 3_000,
  drainMs: 5_000,
};
