import { IdempotencyMismatchError, InvalidPlanError, type Engine, type SubmitRequest } from '@atone/engine';
import { Violation } from '../check/violation.js';
import type { TransactionSpec } from '../plan/transaction.draw.js';
import { whenSettled } from './when-settled.js';
import type { World } from './world.js';

/** The names of plans that must never be accepted, and the promise that one in the log breaks. */
export const BAD_NAMES: ReadonlyMap<string, 'S11' | 'S12'> = new Map([
  ['another-body', 'S11'],
  ['cannot-run', 'S12'],
]);

/** Sends what must be refused, and leave no trace: another plan under a key that is taken, and a plan that cannot run. */
export function sendBadRequests(world: World, spec: TransactionSpec, engine: Engine): void {
  const { submission } = spec;
  expectRefusal(world, engine, {
    request: {
      submission: { ...submission, name: 'another-body' },
      idempotency: { key: spec.name, bodyHash: 'another' },
    },
    isRight: (error) => error instanceof IdempotencyMismatchError,
    promise: 'S11',
  });
  expectRefusal(world, engine, {
    request: {
      submission: {
        ...submission,
        name: 'cannot-run',
        steps: [{ name: 's0', service: 'nobody', action: 'book' }],
      },
    },
    isRight: (error) => error instanceof InvalidPlanError,
    promise: 'S12',
  });
}

function expectRefusal(
  world: World,
  engine: Engine,
  trial: {
    readonly request: SubmitRequest;
    readonly isRight: (error: Error) => boolean;
    readonly promise: 'S11' | 'S12';
  },
): void {
  const { request, isRight, promise } = trial;
  void whenSettled(
    engine.submit(request),
    ({ gid }) => {
      if (promise === 'S11' && world.safety.hasLostKeys) {
        return;
      }
      world.report(
        new Violation(promise, undefined, `a request that must be refused was accepted as ${gid}`),
      );
    },
    (error) => {
      const isOutage = 'retryable' in error && error.retryable === true;
      if (!isRight(error) && !isOutage) {
        world.report(
          new Violation(promise, undefined, `a bad request was refused for another reason: ${error.message}`),
        );
      }
    },
  );
}
