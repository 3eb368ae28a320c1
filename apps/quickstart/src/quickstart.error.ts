/** The quickstart cannot go on. The message is a sentence for whoever typed `npm start`. */
export class QuickstartError extends Error {
  override readonly name = 'QuickstartError';
  readonly code = 'QUICKSTART';
  readonly retryable = false;
}
