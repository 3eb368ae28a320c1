import { translateFailure } from './store.error.js';

/** Awaits what goes through TypeORM, and throws in the words of this package. */
export async function translating<Result>(operation: string, running: Promise<Result>): Promise<Result> {
  try {
    return await running;
  } catch (cause) {
    throw translateFailure(operation, cause);
  }
}
