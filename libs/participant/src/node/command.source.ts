import type { LedClient } from '../client.led.js';
import type { ParticipantInstance, SigningKey } from '@atone/protocol';
import type { KafkaCalls } from '../led/kafka.calls.port.js';
import type { Participant } from '../participant.js';
import type { ServiceLog } from './service.log.js';

/** A service that commands are to be brought to. */
export interface SourcedService {
  readonly participant: Participant;
  readonly lane: string | undefined;
  readonly keys: readonly SigningKey[] | undefined;
  readonly log: ServiceLog | undefined;
  /** Tells which log is that of the service. */
  readonly coordinator: Pick<LedClient, 'logInfo'>;
}

/** A service that calls others. */
export type CallingService = Pick<SourcedService, 'keys' | 'log' | 'coordinator'> & {
  readonly service: string;
};

/** Where commands come from, beside requests or instead of them. `@atone/participant/kafka` has one. */
export interface CommandSource {
  /** Begins to bring commands. Rejects when it cannot, and the service does not start then. */
  open(service: SourcedService): Promise<OpenCommandSource>;
  /** Returns what has the calls of a service go the same way. Nothing is connected before one is expected. Default: they do not. */
  callsOf?(service: CallingService): KafkaCalls;
}

export interface OpenCommandSource {
  /** What the catalogue has to know of it. */
  readonly kafka: NonNullable<ParticipantInstance['kafka']>;
  /** Brings no more commands, and resolves when those that run are through and answered. */
  close(): Promise<void>;
}
