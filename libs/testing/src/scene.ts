import { AsyncLocalStorage } from 'node:async_hooks';
import { setFailpointHook } from '@atone/core';
import type { CoordinatorProcess } from './coordinator.process.js';
import type { Execution, Member } from './execution.js';
import type { Initiator } from './initiator.js';
import type { Work } from './work.js';

/** Takes notice of the failpoints that its own coordinator and participants pass. */
export interface FailpointListener {
  coordinatorReached(name: string, process: CoordinatorProcess): void | Promise<void>;
  participantReached(name: string, execution: Execution): void | Promise<void>;
  questionReached(name: string, member: Member): void | Promise<void>;
}

/** A participant that asks about its branches in doubt. */
export interface Questioning {
  readonly member: Member;
  readonly work: Work;
}

/** Whose code is running: failpoints know only where they are, and all run in one process here. */
export interface Scene {
  readonly listener: FailpointListener;
  readonly process?: CoordinatorProcess | undefined;
  readonly execution?: Execution | undefined;
  readonly questioning?: Questioning | undefined;
  readonly initiator?: Initiator | undefined;
}

const storage = new AsyncLocalStorage<Scene>();

/** Outside of whatever a test or a handler is doing: coordinator and participants know nothing of their caller's context. */
const inTheOpen = AsyncLocalStorage.snapshot();

/** Runs `work`, and whatever it leads to, as a part of `scene` and of nothing else. */
export function playIn<Result>(scene: Scene, work: () => Result): Result {
  return inTheOpen(() => storage.run(scene, work));
}

/** Runs the code of a test as a part of `scene`. */
export function actIn<Result>(scene: Scene, work: () => Result): Result {
  return storage.run(scene, work);
}

/** Returns the scene of the code that is running now; undefined where that is a test, or an application under test. */
export function currentScene(): Scene | undefined {
  return storage.getStore();
}

/** Returns what is under way and led to the code that is running now. */
export function currentWork(): Work | undefined {
  const scene = storage.getStore();
  return scene?.execution ?? scene?.questioning?.work;
}

/** Brings failpoints to the listener of the scene in which they are passed. */
export function listenToFailpoints(): void {
  setFailpointHook((name) => {
    const scene = storage.getStore();
    if (scene?.process !== undefined) {
      return scene.listener.coordinatorReached(name, scene.process);
    }
    if (scene?.execution !== undefined) {
      return scene.listener.participantReached(name, scene.execution);
    }
    return scene?.questioning === undefined
      ? undefined
      : scene.listener.questionReached(name, scene.questioning.member);
  });
}
