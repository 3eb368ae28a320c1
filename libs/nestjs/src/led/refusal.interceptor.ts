import {
  HttpException,
  Injectable,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { currentTransaction, refusalOf, refusalProblem, type RefusedError } from '@atone/participant';
import { catchError, type Observable } from 'rxjs';

/**
 * Lets a handler that throws a RefusedError, or passes on that of a service which it has called by HTTP, answer 409 and tell why. Only
 * where it runs in the transaction of its caller: to others the reason may be nobody's business.
 */
@Injectable()
export class RefusalInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    if (context.getType() !== 'http' || currentTransaction()?.isInitiator !== false) {
      return next.handle();
    }
    return next.handle().pipe(
      catchError((error: unknown) => {
        const refusal = refusalOf(error);
        throw refusal === undefined ? error : new RefusedRequestException(refusal);
      }),
    );
  }
}

/** A refusal as Nest answers it by itself. Filters of the application catch it as what they wait for: an HttpException, or a RefusedError. */
class RefusedRequestException extends HttpException {
  override readonly name = 'RefusedError';
  readonly code = 'REFUSED';
  readonly reason: RefusedError['reason'];
  readonly details: RefusedError['details'];

  constructor(refusal: RefusedError) {
    super(refusalProblem(refusal), 409, { cause: refusal });
    this.message = refusal.message;
    this.reason = refusal.reason;
    this.details = refusal.details;
  }
}
