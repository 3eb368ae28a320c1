import { KafkaError } from '../kafka.error.js';

/** The client library that was asked for is not installed, or unknown. */
export class KafkaLibraryError extends KafkaError {
  override readonly name = 'KafkaLibraryError';
  readonly code = 'KAFKA_LIBRARY';
  readonly retryable = false;
}

/** Returns what was loaded. @throws {KafkaLibraryError} where the package that it needs is not there. */
export async function whenInstalled<Module>(name: string, loading: Promise<Module>): Promise<Module> {
  try {
    return await loading;
  } catch (cause) {
    if ((cause as { readonly code?: unknown }).code === 'ERR_MODULE_NOT_FOUND') {
      throw new KafkaLibraryError(`${name} is not installed: run \`npm install ${name}\`.`, { cause });
    }
    throw cause;
  }
}
