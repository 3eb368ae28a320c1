/** Where something is measured; it leaves nothing behind when it is stopped. */
export interface Place {
  stop(): Promise<void>;
}

/** Does work at a place that was started for it, and stops that whatever happens. */
export async function onPlace<Started extends Place>(
  starting: Promise<Started>,
  work: (place: Started) => Promise<void>,
): Promise<void> {
  const place = await starting;
  // Who interrupts it must not be left with a server.
  const stop = (): void => void place.stop().finally(() => process.exit(130));
  process.once('SIGINT', stop).once('SIGTERM', stop);
  try {
    await work(place);
  } finally {
    await place.stop();
    process.off('SIGINT', stop).off('SIGTERM', stop);
  }
}
