import { runCheck } from './check.program.js';

process.exitCode = await runCheck(process.argv.slice(2), {
  write: (line) => process.stdout.write(`${line}\n`),
  environment: process.env,
});
