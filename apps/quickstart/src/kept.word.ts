import { readFile, writeFile } from 'node:fs/promises';

/** A word that the data folder keeps from one start to the next. */
export class KeptWord {
  constructor(private readonly path: string) {}

  /** Returns the word; undefined where nothing is kept that looks like one. */
  async read(pattern: RegExp): Promise<string | undefined> {
    const text = await readFile(this.path, 'utf8').catch(() => '');
    const word = text.trim();
    return pattern.test(word) ? word : undefined;
  }

  async keep(word: string): Promise<void> {
    await writeFile(this.path, `${word}\n`);
  }
}
