import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { playTranscript } from './testing/transcript.js';

/** Sagas as a story. `REWRITE=1 npm run jest` writes what the machine does now; read the difference before you keep it. */
const FOLDER = new URL('testdata/', import.meta.url);

describe('the story of a saga', () => {
  const names = readdirSync(FOLDER).filter((name) => name.endsWith('.txt'));

  test.each(names.toSorted())('%s', (name) => {
    const file = new URL(name, FOLDER);
    const told = readFileSync(file, 'utf8');

    const played = playTranscript(told);

    if (process.env['REWRITE'] === '1') {
      writeFileSync(file, played);
    }
    expect(process.env['REWRITE'] === '1' ? played : told).toBe(played);
  });
});
