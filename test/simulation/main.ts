import { PLANTED_BUGS } from './bugs/planted.bugs.js';
import { ArgumentsError, readArguments, USAGE } from './cli/arguments.js';
import { simulateCommand } from './cli/simulate.command.js';

try {
  const given = readArguments(
    process.argv.slice(2),
    PLANTED_BUGS.map(({ name }) => name),
  );
  if (given === undefined) {
    process.stdout.write(USAGE);
  } else {
    process.exitCode = await simulateCommand(given);
  }
} catch (error) {
  const isMistake = error instanceof ArgumentsError;
  process.stderr.write(`${isMistake ? error.message : String(error)}\n`);
  process.exitCode = isMistake ? 2 : 1;
}
