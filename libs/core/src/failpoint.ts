/**
 * Places in production code where a test may crash, pause or fail a process.
 *
 * Without a hook a failpoint costs one comparison. A hook is installed by tests and by the environment of a
 * test process, never by a running product.
 */
export type FailpointHook = (name: string) => void | Promise<void>;

let hook: FailpointHook | undefined;

/** Installs what every failpoint calls; undefined switches them off. */
export function setFailpointHook(next: FailpointHook | undefined): void {
  hook = next;
}

/** Marks a place where a crash must be survived. */
export function failpoint(name: string): void | Promise<void> {
  return hook?.(name);
}
