/** How much the transport takes on before it waits or gives up. */
export interface KafkaTransportLimits {
  /** Commands that are handed to the client at once; past it they wait and gather. */
  readonly commandCountMax: number;
  /** Replies of one partition that are dealt with together. */
  readonly replyCountMax: number;
  /** How long `close` waits for what is in flight. */
  readonly drainMs: number;
}

export const DEFAULT_LIMITS: KafkaTransportLimits = {
  commandCountMax: 1_024,
  replyCountMax: 500,
  drainMs: 5_000,
};
