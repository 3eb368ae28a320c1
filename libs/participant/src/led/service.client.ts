import type { Json } from '@atone/core';
import type { SigningKey } from '@atone/protocol';
import type { z } from 'zod';
import { durationMs, type Duration } from '../client.duration.js';
import type { ClientPorts } from '../client.ports.js';
import type { ParticipantClock } from '../clock.port.js';
import type { ActionContract } from '../contract.js';
import { readOutput, writeInput } from '../payload.js';
import { callBranch } from './branch.call.js';
import { routerOf, type LocalService } from './call.router.js';
import { callInFrame } from './forgotten.call.js';
import type { KafkaCalls } from './kafka.calls.port.js';
import { refuseUnknownCallOptions } from './option.check.js';
import type { ServiceDirectory } from './service.directory.js';

/** How one call is made. */
export interface CallOptions {
  /**
   * After it the call throws a CallTimeoutError, and what it did is undone. Use it rather than `Promise.race`, which leaves
   * the call in flight. Default: the transaction's deadline.
   */
  readonly timeout?: Duration | undefined;
}

/** One method for each action of a contract. */
export type ServiceClient<Contract> = {
  readonly [Name in keyof Contract]: Contract[Name] extends ActionContract<infer Input, infer Output>
    ? (input: z.input<Input>, options?: CallOptions) => Promise<z.output<Output>>
    : never;
};

/** How calls reach the participants. */
export interface ServiceCallsOptions {
  readonly directory: ServiceDirectory;
  /** The participant in this process: its own actions are carried out here, without a network. */
  readonly local?: LocalService | undefined;
  /** Calls the services that take their commands over Kafka. Default: those that take requests as well are called, by these. */
  readonly kafka?: KafkaCalls | undefined;
  /** Signs requests, as the coordinator signs its commands. */
  readonly key?: SigningKey | undefined;
  /** For how long a call of unknown outcome is made again, under the same id. Default: 10 s. */
  readonly patience?: Duration | undefined;
  /** How long one attempt waits for its answer; over Kafka for a third of `patience` at most. Default: 10 s. */
  readonly replyTimeout?: Duration | undefined;
}

export interface ServiceCallPorts {
  readonly send: ClientPorts['send'];
  readonly time: ParticipantClock;
}

/** Makes the calls of service clients. */
export interface ServiceCalls {
  /**
   * Calls the action of `contract` in the led transaction around the code.
   *
   * @throws NoTransactionError outside of a transaction: nothing could undo the call there. @throws what `callBranch` throws.
   * @throws MisuseError for an input that does not fit the contract, before anything is sent.
   */
  call(contract: ActionContract, input: unknown, options?: CallOptions): Promise<unknown>;
  /** Is told that `service` will be called: what takes its time may begin. */
  expect?(service: string): void;
  /** Makes no more calls over Kafka. */
  close?(): Promise<void>;
}

const DEFAULT_PATIENCE = '10s';
const DEFAULT_REPLY_TIMEOUT = '10s';
/** So often a call is made over Kafka, whose answers stay away. */
const KAFKA_ATTEMPTS = 3;

/**
 * Returns a client of the service that `contract` describes: a method for each action, to be called in a led transaction.
 *
 * A method throws RefusedError when the participant said no, NotSentError when it could not be asked, and UnknownOutcomeError,
 * CallTimeoutError or TransactionTimeoutError when no answer came. To catch such an error is to go on without the call: it is undone, also when
 * the rest is committed.
 */
export function createServiceClient<Contract extends object>(
  contract: Contract,
  { calls }: { readonly calls: ServiceCalls },
): ServiceClient<Contract> {
  const actions = Object.entries(contract as Readonly<Record<string, ActionContract>>);
  const methods = actions.map(([name, action]) => [
    name,
    (input: unknown, options?: CallOptions) => calls.call(action, input, options),
  ]);
  new Set(actions.map(([, { service }]) => service)).forEach((service) => calls.expect?.(service));
  return Object.fromEntries(methods) as ServiceClient<Contract>;
}

/** Returns what makes the calls of service clients, over `ports`. */
export function createPortServiceCalls(settings: ServiceCallsOptions, ports: ServiceCallPorts): ServiceCalls {
  const { local, kafka, replyTimeout = DEFAULT_REPLY_TIMEOUT } = settings;
  const { send, time } = ports;
  const replyTimeoutMs = durationMs(replyTimeout);
  const patienceMs = durationMs(settings.patience ?? DEFAULT_PATIENCE);
  const kafkaReplyTimeoutMs = Math.min(replyTimeoutMs, Math.ceil(patienceMs / KAFKA_ATTEMPTS));
  const nowMs = (): number => time.now();
  const route = routerOf({ ...settings, send, nowMs, replyTimeoutMs, kafkaReplyTimeoutMs });
  return {
    call(contract, input, options = {}) {
      const { service, name, kind } = contract;
      const what = `${service}.${name}`;
      const { timeout } = options;
      return callInFrame(what, async (frame) => {
        refuseUnknownCallOptions(what, options);
        return callBranch(frame, {
          service,
          action: name,
          kind,
          input: () => writeInput(contract, input),
          timeoutMs: timeout === undefined ? undefined : durationMs(timeout),
          patienceMs,
          route,
          read: (output: Json) => readOutput(contract, output),
        });
      });
    },
    expect(service) {
      if (service !== local?.service) {
        kafka?.open();
      }
    },
    close: async () => kafka?.close(),
  };
}
