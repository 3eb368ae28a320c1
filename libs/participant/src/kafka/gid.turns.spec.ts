import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { GidTurns } from './gid.turns.js';

const RUNNING_MAX = 3;

interface Job {
  readonly gid: string;
  readonly number: number;
}

/** Work that begins when it may, and ends when it is told to. */
class Workshop {
  readonly begun: Job[] = [];
  readonly running: { readonly job: Job; readonly end: () => void }[] = [];
  readonly done: number[] = [];
  readonly failed: unknown[] = [];
  readonly turns = new GidTurns<number>(RUNNING_MAX);

  begin(
    job: Job,
    run: () => Promise<number> = async () => this.work(job),
  ): ReturnType<GidTurns<number>['begin']> {
    return this.turns.begin(job.gid, {
      run,
      done: (number) => this.done.push(number),
      failed: (error) => this.failed.push(error),
    });
  }

  async work(job: Job): Promise<number> {
    this.begun.push(job);
    return new Promise((resolve) => {
      const one = {
        job,
        end: () => {
          this.running.splice(this.running.indexOf(one), 1);
          resolve(job.number);
        },
      };
      this.running.push(one);
    });
  }

  /** Ends one of those that run, and lets what follows from it happen. */
  async endOne(which: number): Promise<void> {
    this.running[which % this.running.length]?.end();
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}

const jobs = fc
  .array(fc.constantFrom('a', 'b', 'c', 'd', 'e'), { minLength: 1, maxLength: 25 })
  .map((gids) => gids.map((gid, number): Job => ({ gid, number })));

test('the work of one gid runs in order, never two at once, and never that of too many gids', async () => {
  await fc.assert(
    fc.asyncProperty(jobs, fc.infiniteStream(fc.nat(10)), async (all, draws) => {
      const shop = new Workshop();
      all.forEach((job) => shop.begin(job));
      while (shop.running.length > 0) {
        const gids = shop.running.map(({ job }) => job.gid);
        expect(gids.length).toBeLessThanOrEqual(RUNNING_MAX);
        expect(new Set(gids).size).toBe(gids.length);
        // oxlint-disable-next-line no-await-in-loop -- one ends after the other.
        await shop.endOne(draws.next().value ?? 0);
      }

      expect(shop.done.toSorted((left, right) => left - right)).toEqual(all.map(({ number }) => number));
      for (const gid of new Set(all.map((job) => job.gid))) {
        const ofGid = (some: readonly Job[]): readonly Job[] => some.filter((job) => job.gid === gid);
        expect(ofGid(shop.begun)).toEqual(ofGid(all));
      }
    }),
  );
});

test('work that was withdrawn never begins, and what began is not withdrawn', async () => {
  await fc.assert(
    fc.asyncProperty(jobs, fc.infiniteStream(fc.boolean()), async (all, draws) => {
      const shop = new Workshop();
      const turns = all.map((job) => ({ job, turn: shop.begin(job) }));
      const asked = turns.filter(() => draws.next().value === true);
      const begunBefore = new Set(shop.begun);

      const withdrawn = asked.filter(({ turn }) => turn.leave() === 'withdrawn').map(({ job }) => job);

      while (shop.running.length > 0) {
        // oxlint-disable-next-line no-await-in-loop -- one ends after the other.
        await shop.endOne(0);
      }
      expect(shop.begun.toSorted((left, right) => left.number - right.number)).toEqual(
        all.filter((job) => !withdrawn.includes(job)),
      );
      expect(withdrawn.filter((job) => begunBefore.has(job))).toEqual([]);
    }),
  );
});

test('work that fails tells so, and the next of its gid has its turn', async () => {
  const shop = new Workshop();
  const trouble = new Error('trouble');
  const job = { gid: 'a', number: 1 };
  shop.begin(job, async () => Promise.reject(trouble));
  shop.begin(job, () => {
    throw trouble;
  });
  shop.begin({ ...job, number: 3 }, async () => 3);

  await new Promise((resolve) => {
    setImmediate(resolve);
  });

  expect(shop).toMatchObject({ failed: [trouble, trouble], done: [3] });
});
