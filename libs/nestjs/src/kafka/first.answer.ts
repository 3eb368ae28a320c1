import { KafkaRetriableException } from '@nestjs/microservices';
import { ReplaySubject, type Observable } from 'rxjs';

/**
 * Returns the answers when the first is there, or there will be none.
 *
 * @throws {KafkaRetriableException} when it comes before any answer: then nothing was said yet, and the message may come again.
 */
export function whenAnswering(answers: Observable<unknown>): Promise<Observable<unknown>> {
  const replayed = new ReplaySubject<unknown>();
  return new Promise((resolve, reject) => {
    answers.subscribe({
      next: (answer) => {
        replayed.next(answer);
        resolve(replayed);
      },
      error: (error: unknown) => {
        replayed.error(error);
        if (error instanceof KafkaRetriableException) {
          // Where there was an answer before, it does nothing.
          reject(error);
        } else {
          resolve(replayed);
        }
      },
      complete: () => {
        replayed.complete();
        resolve(replayed);
      },
    });
  });
}
