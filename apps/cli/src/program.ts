import { Command } from 'commander';
import { automaticCommand, type CommandPlace } from './automatic/automatic.commands.js';

/** Returns the program with all of its commands. */
export function createProgram(place: CommandPlace): Command {
  return new Command('atone')
    .description('What operators of Atone, and those who set up its services, do by hand.')
    .addCommand(automaticCommand(place));
}
