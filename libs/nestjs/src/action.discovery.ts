import { Injectable } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import { MisuseError, type ActionHandler, type RegisteredAction } from '@atone/participant';
import { actionsOf, declaringClasses, type DeclaredAction } from './action.metadata.js';

/** A handler as the participant runs it and as the catalogue knows it. */
export interface FoundAction extends ActionHandler {
  readonly retry: RegisteredAction['retry'];
}

type Provider = ReturnType<DiscoveryService['getProviders']>[number];
type Methods = Readonly<Record<string | symbol, unknown>>;

interface Finding {
  readonly action: DeclaredAction;
  readonly instance: Methods;
  /** Where it was found, for people. */
  readonly place: string;
}

/** Finds the methods with `@Action` and `@Try` among all providers and controllers of the application. */
@Injectable()
export class ActionDiscovery {
  constructor(private readonly discovery: DiscoveryService) {}

  /**
   * Returns the handlers of the actions of `service`.
   *
   * @throws MisuseError for whatever is decorated and could not work.
   */
  find(service: string): readonly FoundAction[] {
    const providers = [...this.discovery.getProviders(), ...this.discovery.getControllers()];
    const findings = findingsAmong(providers);
    refuseStrangers(findings, service);
    refuseRivals(findings);
    refuseUnprovided(findings, service);
    return findings.map(handlerOf);
  }
}

function findingsAmong(providers: readonly Provider[]): Finding[] {
  const seen = new Set<object>();
  return providers.flatMap((provider) => {
    const actions = actionsOfProvider(provider);
    if (actions.length === 0) {
      return [];
    }
    refuseScoped(provider);
    const instance: unknown = provider.instance;
    // An alias of another provider (useExisting) brings the same instance again.
    if (typeof instance !== 'object' || instance === null || seen.has(instance)) {
      return [];
    }
    seen.add(instance);
    return actions.map((action) => ({
      action,
      instance: instance as Methods,
      place: `${nameOf(provider)}.${String(action.method)} of ${provider.host?.name ?? 'the application'}`,
    }));
  });
}

/**
 * The prototype of the instance tells, but for two cases: an instance that a request has yet to make, and a test that
 * overrides the class by a value of its own, which then has to carry out the actions.
 */
function actionsOfProvider(provider: Provider): readonly DeclaredAction[] {
  const candidates: unknown[] = [
    prototypeOf(provider.instance),
    (provider.metatype as { prototype?: unknown } | null)?.prototype,
    typeof provider.token === 'function' ? (provider.token.prototype as unknown) : undefined,
  ];
  return candidates.map(actionsOf).find((actions) => actions.length > 0) ?? [];
}

function prototypeOf(instance: unknown): unknown {
  return typeof instance === 'object' && instance !== null ? Object.getPrototypeOf(instance) : undefined;
}

function handlerOf({ action, instance, place }: Finding): FoundAction {
  const { contract, method, compensate, confirm, retry } = action;
  refuseNoMethod(instance, method, `${place} carries out ${nameOfAction(action)}`);
  if (compensate !== undefined) {
    const role = contract.kind === 'tcc' ? 'cancel' : 'compensation';
    refuseNoMethod(instance, compensate, `${place} names '${compensate}' as its ${role}`);
  }
  if (confirm !== undefined) {
    refuseNoMethod(instance, confirm, `${place} names '${confirm}' as its confirm`);
  }
  return {
    contract,
    retry,
    // Looked up at each call: what a proxy or a test puts on the instance later counts too.
    run: (input, branch) => call(instance, method, [input, branch]),
    compensate: callerOf(instance, compensate),
    confirm: callerOf(instance, confirm),
  };
}

function callerOf(
  instance: Methods,
  method: string | undefined,
): ((given: unknown) => Promise<void>) | undefined {
  return method === undefined
    ? undefined
    : async (given) => {
        await call(instance, method, [given]);
      };
}

async function call(instance: Methods, method: string | symbol, args: readonly unknown[]): Promise<unknown> {
  return (instance[method] as (...args: readonly unknown[]) => unknown).apply(instance, [...args]);
}

function refuseNoMethod(instance: Methods, method: string | symbol, claim: string): void {
  if (typeof instance[method] !== 'function') {
    throw new MisuseError(
      `${claim}, but the instance has no method of that name. Add it, or correct the name.`,
    );
  }
}

function refuseScoped(provider: Provider): void {
  if (!provider.isTransient && provider.isDependencyTreeStatic()) {
    return;
  }
  const why = provider.isTransient ? 'transient' : 'scoped to requests, or depends on something that is';
  throw new MisuseError(
    `${nameOf(provider)} carries out actions and is ${why}. Commands come from the coordinator and belong to no request: make it a provider of the default scope, and take what differs from the BranchContext.`,
  );
}

function refuseStrangers(findings: readonly Finding[], service: string): void {
  const stranger = findings.find(({ action }) => action.contract.service !== service);
  if (stranger !== undefined) {
    throw new MisuseError(
      `${stranger.place} carries out ${nameOfAction(stranger.action)}, but this is the service '${service}'. Move it to the service '${stranger.action.contract.service}', or correct \`service\` in AtoneModule.forRoot or in the contract.`,
    );
  }
}

function refuseRivals(findings: readonly Finding[]): void {
  const places = new Map<string, string>();
  for (const { action, place } of findings) {
    const name = nameOfAction(action);
    const rival = places.get(name);
    if (rival !== undefined) {
      throw new MisuseError(
        `Two handlers carry out ${name}: ${rival}, and ${place}. Keep one. If it is one class, provide it in one module and export it from there.`,
      );
    }
    places.set(name, place);
  }
}

/** Only where an action is left without a handler: a class may well be loaded for another application. */
function refuseUnprovided(findings: readonly Finding[], service: string): void {
  const handled = new Set(findings.map(({ action }) => nameOfAction(action)));
  for (const { prototype, actions } of declaringClasses()) {
    const missing = actions.find(
      (action) => action.contract.service === service && !handled.has(nameOfAction(action)),
    );
    if (missing !== undefined) {
      throw new MisuseError(
        `${prototype.constructor.name}.${String(missing.method)} carries out ${nameOfAction(missing)}, but Nest does not know the class. Mark it @Injectable() and add it to the providers of a module.`,
      );
    }
  }
}

function nameOfAction({ contract }: DeclaredAction): string {
  return `${contract.service}.${contract.name}`;
}

function nameOf(provider: Provider): string {
  return typeof provider.token === 'function' ? provider.token.name : String(provider.name);
}
