import { refusalOf, refusalProblem } from '@atone/participant';

/**
 * Returns the error of a handler as its sender shall be told it: of a refusal, its own or that of a service which it has called, why. Any
 * other is returned as it is. Only for a sender within the transaction: to others the reason may be nobody's business.
 *
 * Filters of the application catch a refusal as what they wait for: an RpcException, or a RefusedError.
 */
export async function toldRefusal(error: unknown): Promise<unknown> {
  const refusal = refusalOf(error);
  if (refusal === undefined) {
    return error;
  }
  // Whoever takes messages has it; others need not install it.
  const { RpcException } = await import('@nestjs/microservices');
  const { name, code, message, reason, details } = refusal;
  const told = { name, code, message, reason, details, cause: refusal };
  return Object.assign(new RpcException(refusalProblem(refusal)), told);
}
