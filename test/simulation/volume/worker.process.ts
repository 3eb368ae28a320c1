import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { SimulationPlan } from '../plan/simulation.plan.js';
import type { Explanation } from '../shrink/explanation.js';
import type { Tally } from './tally.js';
import type { WorkerAnswer, WorkerRequest } from './worker.messages.js';

const WORKER = fileURLToPath(new URL('worker.ts', import.meta.url));
const REGISTER = new URL('../register.mjs', import.meta.url).href;

/** Longer than any request takes; a run in which simulated time stands still would take for ever. */
const ANSWER_WITHIN_MS = 180_000;

/** A process of its own that simulates, with a planted bug in the sources that it loads or without. */
export class WorkerProcess {
  private readonly child: ChildProcess;
  private readonly words: Buffer[] = [];

  constructor(bug: string | undefined) {
    this.child = fork(WORKER, {
      // A run leaves little behind but makes much: a tenth of its time would go into collecting young garbage.
      execArgv: ['--max-semi-space-size=64', '--conditions=@atone/source', '--import', REGISTER],
      env: { ...process.env, ATONE_PLANTED_BUG: bug ?? '' },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    this.child.stderr?.on('data', (chunk: Buffer) => this.words.push(chunk));
  }

  /** Runs `count` seeds from `from` on. */
  async run(seeds: {
    readonly from: number;
    readonly count: number;
    readonly stopsAtFirst: boolean;
  }): Promise<Tally> {
    const answer = await this.ask(
      { type: 'run', ...seeds },
      `seeds ${seeds.from} to ${seeds.from + seeds.count - 1}`,
    );
    if (answer.type !== 'ran') {
      throw new Error(`A worker was to run seeds, and says: ${JSON.stringify(answer)}`);
    }
    return answer.tally;
  }

  /** Runs a plan with its trace, and looks for a smaller one if it fails. */
  async explain(plan: SimulationPlan, shrinkMs: number): Promise<Explanation> {
    const answer = await this.ask({ type: 'explain', plan, shrinkMs }, `a plan of seed ${plan.seed}`);
    if (answer.type !== 'explained') {
      throw new Error(`A worker was to explain a plan, and says: ${JSON.stringify(answer)}`);
    }
    return answer.explanation;
  }

  end(): void {
    this.child.kill('SIGKILL');
  }

  private async ask(request: WorkerRequest, what: string): Promise<WorkerAnswer> {
    const answer = await new Promise<WorkerAnswer>((resolve, reject) => {
      const fail = (why: string): void => {
        settle();
        reject(
          new Error(`The process that simulated ${what} ${why}. ${Buffer.concat(this.words).toString()}`),
        );
      };
      const ended = (code: number | null, signal: string | null): void => {
        fail(`ended with ${signal ?? code}`);
      };
      const answered = (message: WorkerAnswer): void => {
        settle();
        resolve(message);
      };
      const timer = setTimeout(() => {
        fail(`gave no answer for ${ANSWER_WITHIN_MS / 1_000} s`);
      }, ANSWER_WITHIN_MS);
      const settle = (): void => {
        clearTimeout(timer);
        this.child.off('exit', ended);
        this.child.off('message', answered);
      };
      this.child.once('exit', ended);
      this.child.once('message', answered);
      this.child.send(request);
    });
    if (answer.type === 'broken') {
      throw new Error(`The simulator itself failed in ${what}: ${answer.stack}`);
    }
    return answer;
  }
}
