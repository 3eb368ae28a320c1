import { sentenceOf } from './cli.error.js';
import { createProgram } from './program.js';

const program = createProgram({
  output: { line: (text) => process.stdout.write(`${text}\n`) },
  env: process.env,
  warn() {
    process.exitCode = 1;
  },
});

try {
  await program.parseAsync();
} catch (error) {
  const sentence = sentenceOf(error);
  process.stderr.write(`${sentence ?? (error instanceof Error ? error.stack : String(error))}\n`);
  process.exitCode = 1;
}
