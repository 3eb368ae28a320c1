import type { Clock, Timer } from '@atone/engine';
import type { ServiceQueue } from './service.queue.js';

/** The whole queue is looked through each time, so not for each command that expires. */
const EVERY_MS = 20;

/** Wakes up for the queues in which commands wait longer than one turn, so that what expires there is told. */
export class QueueExpiry {
  private readonly alarms = new Map<ServiceQueue, { readonly at: number; readonly timer: Timer }>();

  constructor(
    private readonly clock: Clock,
    private readonly onDue: (queue: ServiceQueue) => void,
  ) {}

  /** Sets, moves or calls off the alarm for the queue, as its content asks for. */
  watch(queue: ServiceQueue): void {
    const alarm = this.alarms.get(queue);
    if (queue.size === 0) {
      alarm?.timer.cancel();
      this.alarms.delete(queue);
      return;
    }
    const nowMs = this.clock.now();
    const at = Math.max(queue.leaveByMin, nowMs);
    if (alarm !== undefined && alarm.at <= at) {
      return;
    }
    alarm?.timer.cancel();
    this.set(queue, at - nowMs);
  }

  stop(): void {
    for (const { timer } of this.alarms.values()) {
      timer.cancel();
    }
    this.alarms.clear();
  }

  private set(queue: ServiceQueue, delayMs: number): void {
    const timer = this.clock.setTimer(delayMs, () => {
      this.onDue(queue);
      this.alarms.delete(queue);
      if (queue.size > 0) {
        this.set(queue, Math.max(EVERY_MS, queue.leaveByMin - this.clock.now()));
      }
    });
    this.alarms.set(queue, { at: this.clock.now() + delayMs, timer });
  }
}
