import 'reflect-metadata';
import type { ActionContract, RegisteredAction } from '@atone/participant';

/** What a decorator said about a method. */
export interface DeclaredAction {
  readonly contract: ActionContract;
  readonly method: string | symbol;
  /** The method that undoes it; undefined where nothing can. */
  readonly compensate: string | undefined;
  /** The method that makes a try definite; undefined for what is no try. */
  readonly confirm: string | undefined;
  readonly retry: RegisteredAction['retry'];
}

/** A class with the actions that its decorators declare. */
export interface DeclaringClass {
  readonly prototype: object;
  readonly actions: readonly DeclaredAction[];
}

/** Shared by all copies of this library in the process. */
const KEY = Symbol.for('atone.actions');

const shared = globalThis as { [KEY]?: Set<object> };
/** All prototypes that hold a decorated method: to find those that nobody provides. */
const declaring = (shared[KEY] ??= new Set<object>());

/** Notes down that `prototype` has a method that carries out an action. */
export function declareAction(prototype: object, action: DeclaredAction): void {
  // On the prototype and not on the function: another decorator may put a function of its own in its place.
  Reflect.defineMetadata(KEY, [...ownActions(prototype), action], prototype);
  declaring.add(prototype);
}

/** Returns the actions of `prototype` and of what it inherits; an override stands for what it overrides. */
export function actionsOf(prototype: unknown): readonly DeclaredAction[] {
  const found = new Map<string, DeclaredAction>();
  for (let at = prototype; typeof at === 'object' && at !== null; at = Object.getPrototypeOf(at) as unknown) {
    for (const action of ownActions(at)) {
      const key = `${action.contract.service} ${action.contract.name} ${String(action.method)}`;
      found.set(key, found.get(key) ?? action);
    }
  }
  return [...found.values()];
}

/** Returns every class loaded so far that declares actions. */
export function declaringClasses(): readonly DeclaringClass[] {
  return [...declaring].map((prototype) => ({ prototype, actions: ownActions(prototype) }));
}

function ownActions(prototype: object): readonly DeclaredAction[] {
  return (Reflect.getOwnMetadata(KEY, prototype) as readonly DeclaredAction[] | undefined) ?? [];
}
