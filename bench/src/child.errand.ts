import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** Sends a child an errand, and returns what it answers. One at a time. @throws when it cannot do it, or ends meanwhile. */
export async function askChild<Answer>(child: ChildProcess, errand: object): Promise<Answer> {
  const ended = new AbortController();
  try {
    const answer = once(child, 'message', { signal: ended.signal });
    const end = once(child, 'exit', { signal: ended.signal });
    child.send(errand);
    const [first] = await Promise.race([answer, end.then(() => [{ error: 'It has ended.' }])]);
    const { answer: told, error } = first as { readonly answer?: Answer; readonly error?: string };
    if (error !== undefined) {
      throw new Error(`A process of the bench could not do its errand: ${error}`);
    }
    return told as Answer;
  } finally {
    ended.abort();
  }
}

/** Does, in a child, the errands that its parent sends, and ends with its parent. */
export function takeErrands(carryOut: (errand: never) => Promise<unknown>): void {
  process.on('message', (errand) => {
    carryOut(errand as never)
      .then((answer) => process.send?.({ answer }))
      .catch((error: unknown) => process.send?.({ error: String(error) }));
  });
  // By an exit of its own, or it would leave no CPU profile.
  process.once('SIGTERM', () => process.exit(0));
  process.once('disconnect', () => process.exit(0));
}
