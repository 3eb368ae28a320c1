import { DockerfileParser, type From, type Instruction } from 'dockerfile-ast';
import { readText } from '../docs/markdown.js';

/** A part of the Dockerfile, made from an image or from an earlier part. */
interface Stage {
  readonly name: string;
  readonly from: string;
  readonly instructions: readonly Instruction[];
}

export const STAGES = stages();

/** Returns the instructions of a stage behind those of the stages that it is made from. */
export function chain(name: string): readonly Instruction[] {
  const stage = STAGES.find((each) => each.name === name);
  return stage === undefined ? [] : [...chain(stage.from), ...stage.instructions];
}

/** Returns what stands behind each `keyword` of a stage. */
export function argumentsOf(name: string, keyword: string): readonly string[] {
  return chain(name)
    .filter((instruction) => instruction.getKeyword() === keyword)
    .map((instruction) => instruction.getArgumentsContent() ?? '');
}

/** Returns what the image of a stage runs, word by word. */
export function commandOf(name: string): readonly string[] {
  const [command = '[]'] = argumentsOf(name, 'CMD');
  return JSON.parse(command) as string[];
}

function stages(): readonly Stage[] {
  const found: { name: string; from: string; instructions: Instruction[] }[] = [];
  for (const instruction of DockerfileParser.parse(readText('Dockerfile')).getInstructions()) {
    if (instruction.getKeyword() === 'FROM') {
      const from = instruction as From;
      found.push({ name: from.getBuildStage() ?? '', from: from.getImage() ?? '', instructions: [] });
    } else {
      found.at(-1)?.instructions.push(instruction);
    }
  }
  return found;
}
