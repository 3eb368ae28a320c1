/**
 * Reads what TLC, the model checker, made of a model.
 *
 * @returns the size of what it looked at and, if a property fell, which one and after how many steps.
 *   Whatever is neither a clean end nor such a fall has `outcome: 'error'`: a model that TLC cannot read proves nothing.
 */
export function readVerdict({ exitCode, output }) {
  const [, states, distinct] = lastMatch(
    output,
    /^(\d[\d,]*) states generated, (\d[\d,]*) distinct states/gm,
  );
  const [, depth] = lastMatch(output, /^The depth of the complete state graph search is (\d+)/gm);
  const size = { states, distinct, depth };
  if (exitCode === 0 && output.includes('No error has been found')) return { outcome: 'holds', ...size };
  const property = violatedProperty(output);
  if (exitCode === 0 || property === undefined) return { outcome: 'error', ...size };
  // The first state is where every run begins: no step led to it.
  const steps = (output.match(/^State \d+: </gm) ?? []).length - 1;
  return { outcome: 'violated', property, steps, ...size };
}

function violatedProperty(output) {
  const [, property] = lastMatch(output, /^Error: (?:Invariant|Action property) (\w+) is violated/gm);
  const isLiveness = /^Error: Temporal properties were violated/m.test(output);
  return property ?? (isLiveness ? 'a liveness property' : undefined);
}

/** Also while it is at work TLC tells how far it is, so only the last words count. */
function lastMatch(text, pattern) {
  return [...text.matchAll(pattern)].at(-1) ?? [];
}
