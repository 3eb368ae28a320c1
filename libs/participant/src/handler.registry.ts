import { nearestName } from '@atone/core';
import { nameSchema } from '@atone/protocol';
import { BranchFailure } from './branch.failure.js';
import type { ActionHandler } from './contract.js';
import { MisuseError } from './participant.error.js';
import { jsonSchemaOf } from './payload.js';

/** The handlers of one service, by the name of their action. */
export class HandlerRegistry<Transaction> {
  readonly #handlers = new Map<string, ActionHandler<Transaction>>();

  /** @throws MisuseError for what could only fail later. */
  constructor(
    private readonly service: string,
    handlers: readonly ActionHandler<Transaction>[],
  ) {
    refuseBadName('a service', service);
    for (const handler of handlers) {
      this.#add(handler);
    }
  }

  /** @throws BranchFailure of class `action-gone`, which names the nearest action that there is. */
  find(action: string): ActionHandler<Transaction> {
    const handler = this.#handlers.get(action);
    if (handler === undefined) {
      const nearest = nearestName(action, [...this.#handlers.keys()]);
      const hint = nearest === undefined ? 'It has no actions at all.' : `The nearest name is '${nearest}'.`;
      throw new BranchFailure('action-gone', `Service '${this.service}' has no action '${action}'. ${hint}`);
    }
    return handler;
  }

  #add(handler: ActionHandler<Transaction>): void {
    const { contract } = handler;
    refuseBadName('an action', contract.name);
    if (contract.service !== this.service) {
      throw new MisuseError(
        `The handler of ${contract.service}.${contract.name} is registered at service '${this.service}'. Register it at ` +
          `a participant with \`service: '${contract.service}'\`, or change the contract.`,
      );
    }
    if (this.#handlers.has(contract.name)) {
      throw new MisuseError(
        `Two handlers are registered for ${contract.service}.${contract.name}. Remove one of them, or give the action another name.`,
      );
    }
    refuseMissingEnd(handler);
    jsonSchemaOf(contract, 'input');
    jsonSchemaOf(contract, 'output');
    this.#handlers.set(contract.name, handler);
  }
}

/** A try that nobody can confirm, or cancel, would be stuck when its transaction is decided. */
function refuseMissingEnd({ contract, confirm, compensate }: ActionHandler<never>): void {
  const name = `${contract.service}.${contract.name}`;
  if (contract.kind === 'saga' && confirm !== undefined) {
    throw new MisuseError(
      `${name} has a confirm, and is an action that takes effect at once: its confirm would never be called. Describe it ` +
        'by `tryAction({ input, output })` in the contract, or leave the confirm out.',
    );
  }
  if (contract.kind === 'tcc' && (confirm === undefined || compensate === undefined)) {
    const missing = confirm === undefined ? 'confirm' : 'cancel (`compensate`)';
    throw new MisuseError(
      `${name} is a try without a ${missing}: nobody could end what it reserves. Give its handler both, or describe it by ` +
        '`action({ input, output })` in the contract.',
    );
  }
}

function refuseBadName(kind: string, name: string): void {
  const result = nameSchema.safeParse(name);
  if (!result.success) {
    throw new MisuseError(
      `'${name}' is no name for ${kind}: it ${result.error.issues[0]?.message ?? 'is not valid'}.`,
    );
  }
}
