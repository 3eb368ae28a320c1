import { AsyncLocalStorage } from 'node:async_hooks';
import { setFailpointHook } from '@atone/core';
import type { CoordinatorProcess } from './coordinator.process.js';
import type { Execution } from './execution.js';

/** Takes notice of the failpoints that its own coordinator and participants pass. */
export interface FailpointListener {
  coordinatorReached(name: string, process: CoordinatorProcess): void | Promise<void>;
  participantReached(name: string, execution: Execution): void | Promise<void>;
}

/** Whose code is running: failpoints know only where they are, and all run in one process here. */
export type Scene = { readonly listener: FailpointListener } & (
  | { readonly process: CoordinatorProcess; readonly execution?: undefined }
  | { readonly execution: Execution; readonly process?: undefined }
);

const storage = new AsyncLocalStorage<Scene>();

/** Outside of whatever a test or a handler is doing: coordinator and participants know nothing of their caller's context. */
const inTheOpen = AsyncLocalStorage.snapshot();

/** Runs `work`, and whatever it leads to, as a part of `scene` and of nothing else. */
export function playIn<Result>(scene: Scene, work: () => Result): Result {
  return inTheOpen(() => storage.run(scene, work));
}

/** Returns the command whose execution led to the code that is running now. */
export function currentExecution(): Execution | undefined {
  return storage.getStore()?.execution;
}

/** Brings failpoints to the listener of the scene in which they are passed. */
export function listenToFailpoints(): void {
  setFailpointHook((name) => {
    const scene = storage.getStore();
    if (scene?.process !== undefined) {
      return scene.listener.coordinatorReached(name, scene.process);
    }
    return scene?.execution === undefined
      ? undefined
      : scene.listener.participantReached(name, scene.execution);
  });
}
