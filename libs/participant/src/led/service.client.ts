import type { BranchReply, Json } from '@atone/core';
import type { BranchCommand, SigningKey } from '@atone/protocol';
import type { z } from 'zod';
import { durationMs, type Duration } from '../client.duration.js';
import type { ClientPorts } from '../client.ports.js';
import type { ParticipantClock } from '../clock.port.js';
import type { ActionContract } from '../contract.js';
import { readOutput, writeInput } from '../payload.js';
import { callBranch, type SendAttempt } from './branch.call.js';
import { sendCommand } from './command.sender.js';
import { callInFrame } from './forgotten.call.js';
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

/** A participant in this process. */
export interface LocalService {
  readonly service: string;
  execute(this: void, command: BranchCommand): Promise<BranchReply>;
}

/** How calls reach the participants. */
export interface ServiceCallsOptions {
  readonly directory: ServiceDirectory;
  /** The participant in this process: its own actions are carried out here, without a network. */
  readonly local?: LocalService | undefined;
  /** Signs what is sent, as the coordinator signs its commands. */
  readonly key?: SigningKey | undefined;
  /** For how long a call of unknown outcome is made again, under the same id. Default: 10 s. */
  readonly patience?: Duration | undefined;
  /** How long one attempt waits for its answer. Default: 10 s. */
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
}

const DEFAULT_PATIENCE = '10s';
const DEFAULT_REPLY_TIMEOUT = '10s';

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
  const methods = Object.entries(contract as Readonly<Record<string, ActionContract>>).map(
    ([name, action]) => [name, (input: unknown, options?: CallOptions) => calls.call(action, input, options)],
  );
  return Object.fromEntries(methods) as ServiceClient<Contract>;
}

/** Returns what makes the calls of service clients, over `ports`. */
export function createPortServiceCalls(settings: ServiceCallsOptions, ports: ServiceCallPorts): ServiceCalls {
  const route = routerOf(settings, ports);
  const patienceMs = durationMs(settings.patience ?? DEFAULT_PATIENCE);
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
  };
}

function routerOf(
  { directory, local, key, replyTimeout = DEFAULT_REPLY_TIMEOUT }: ServiceCallsOptions,
  { send, time }: ServiceCallPorts,
): (command: BranchCommand) => Promise<SendAttempt> {
  const sending = { send, key, nowMs: () => time.now(), replyTimeoutMs: durationMs(replyTimeout) };
  let turn = 0;
  return async (command) => {
    if (command.service === local?.service) {
      return () => local.execute(command);
    }
    const instances = await directory.instancesOf(command.service, command.lane);
    // Calls take turns, and so do the attempts of one call: an instance that is gone is passed over.
    turn += 1;
    const baseUrl = String(instances[turn % instances.length]);
    return () => sendCommand(command, baseUrl, sending);
  };
}
