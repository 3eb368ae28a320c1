import { SingleBar } from 'cli-progress';
import { countText, perSecond } from './report.js';
import type { Terminal } from './terminal.js';

/** Shows how far the work is. */
export interface Progress {
  step(): void;
  /** Shows no more. Can be called again. */
  end(): void;
}

export interface ProgressPlan {
  readonly noun: string;
  readonly totalCount: number;
  /** How many were done by earlier runs. */
  readonly doneCount: number;
}

const LINE_EVERY_MS = 10_000;

/** Shows a bar where somebody looks at a terminal, and a line now and then where the output goes elsewhere. */
export function startProgress(plan: ProgressPlan, terminal: Terminal): Progress {
  return terminal.isInteractive ? startBar(plan) : startLines(plan, terminal);
}

function startBar({ noun, totalCount, doneCount }: ProgressPlan): Progress {
  const bar = new SingleBar({
    format: `{bar} {value} of {total} ${noun}, {rate} per second`,
    stream: process.stdout,
    hideCursor: true,
    clearOnComplete: true,
  });
  const startedAt = performance.now();
  let count = 0;
  const rate = () => countText(perSecond(count, performance.now() - startedAt));
  bar.start(totalCount, doneCount, { rate: '0' });
  return {
    step() {
      count += 1;
      if (bar.isActive) {
        bar.increment({ rate: rate() });
      }
    },
    end: () => bar.stop(),
  };
}

function startLines({ noun, totalCount, doneCount }: ProgressPlan, terminal: Terminal): Progress {
  const startedAt = performance.now();
  let count = 0;
  const timer = setInterval(() => {
    const rate = countText(perSecond(count, performance.now() - startedAt));
    terminal.say(`${countText(doneCount + count)} of ${countText(totalCount)} ${noun}, ${rate} per second`);
  }, LINE_EVERY_MS);
  return {
    step() {
      count += 1;
    },
    end: () => clearInterval(timer),
  };
}
