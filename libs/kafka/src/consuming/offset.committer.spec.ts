import { describe, expect, test } from '@jest/globals';
import { OffsetCommitter, type Progress } from './offset.committer.js';

const PLACE = { topic: 'orders', partition: 3 };

describe('a committer of offsets', () => {
  test('commits the first one at once, and what is done soon after together', async () => {
    const { commits, committer, endPause } = committing();
    committer.note({ ...PLACE, offset: 1n });
    await turns();

    committer.note({ ...PLACE, offset: 2n });
    committer.note({ ...PLACE, partition: 4, offset: 7n });
    committer.note({ ...PLACE, offset: 3n });
    await turns();
    const before = commits.length;
    endPause();
    await turns();

    expect(before).toBe(1);
    expect(commits).toEqual([
      [{ ...PLACE, offset: 1n }],
      [
        { ...PLACE, offset: 3n },
        { ...PLACE, partition: 4, offset: 7n },
      ],
    ]);
  });

  test('does not commit what it was told to forget meanwhile', async () => {
    const { commits, committer, endPause } = committing();
    committer.note({ ...PLACE, offset: 1n });
    await turns();
    committer.note({ ...PLACE, offset: 2n });

    committer.forget();
    endPause();
    await turns();

    expect(commits).toEqual([[{ ...PLACE, offset: 1n }]]);
  });

  test('commits at once again after a while in which nothing was done', async () => {
    const { commits, committer, endPause } = committing();
    committer.note({ ...PLACE, offset: 1n });
    await turns();
    endPause();
    await turns();

    committer.note({ ...PLACE, offset: 2n });
    await turns();

    expect(commits).toEqual([[{ ...PLACE, offset: 1n }], [{ ...PLACE, offset: 2n }]]);
  });
});

/** A committer whose pauses last until they are ended. */
function committing() {
  const commits: (readonly Progress[])[] = [];
  const pauses: (() => void)[] = [];
  const committer = new OffsetCommitter({
    commit: async (progress) => {
      commits.push(progress);
    },
    onTrouble: (error) => {
      throw error;
    },
    pauses: { pause: async () => new Promise((resolve) => pauses.push(() => resolve())) },
  });
  const endPause = (): void => pauses.splice(0).forEach((end) => end());
  return { commits, committer, endPause };
}

/** Lets what needs no pause go on. */
async function turns(): Promise<void> {
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
}
